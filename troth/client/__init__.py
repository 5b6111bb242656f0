"""The client of a decision service: typed, with a deadline, retrying what is safe to retry.

Everything is: requests carry an id chosen here, and the service answers an id once. So a call
whose connection broke is sent again until its deadline, and it is still one decision.
"""

from troth.answers import Answer as Answer
from troth.client.asynchronous import AsyncDecisionClient as AsyncDecisionClient
from troth.client.blocking import DecisionClient as DecisionClient
from troth.client.questions import Question as Question
from troth.client.tls import TlsOptions as TlsOptions
from troth.reports import Permission as Permission
from troth.reports import PermissionSet as PermissionSet
