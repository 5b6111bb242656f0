"""What is true of a world, and of no other: there the truth is known.

The oracle knows the exact expected reward of every action; roll-outs under common random
numbers give long-run values, twins and the values of policies; regret is how far a log was
from the oracle.
"""

from simulator.rollout import choose as choose
from simulator.truth.long_run import LongRun as LongRun
from simulator.truth.long_run import long_run as long_run
from simulator.truth.long_run import long_run_values as long_run_values
from simulator.truth.oracle import OneStepOracle as OneStepOracle
from simulator.truth.oracle import one_step_oracle as one_step_oracle
from simulator.truth.purchases import expected_purchases as expected_purchases
from simulator.truth.regret import Regret as Regret
from simulator.truth.regret import regret as regret
from simulator.truth.reliving import relive as relive
from simulator.truth.twins import Difference as Difference
from simulator.truth.twins import Twins as Twins
from simulator.truth.twins import twins as twins
from simulator.truth.value import PolicyDifference as PolicyDifference
from simulator.truth.value import PolicyValue as PolicyValue
from simulator.truth.value import policy_difference as policy_difference
from simulator.truth.value import policy_value as policy_value
from troth.statistics import Estimate as Estimate
from troth.statistics import clustered as clustered
