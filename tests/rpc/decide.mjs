// Asks for one decision with nothing but Node's own HTTP/2: no Python, no gRPC library.
// Usage: node decide.mjs HOST:PORT BASE64_OF_REQUEST   prints {status, message, body, details}
import http2 from "node:http2";

const [address, request] = process.argv.slice(2);
const payload = Buffer.from(request, "base64");
const frame = Buffer.alloc(5 + payload.length);
frame.writeUInt32BE(payload.length, 1); // byte 0: not compressed
payload.copy(frame, 5);

const session = http2.connect(`http://${address}`);
const call = session.request({
  ":method": "POST",
  ":path": "/troth.v1.DecisionService/Decide",
  "content-type": "application/grpc",
  te: "trailers",
});
const chunks = [];
let trailers = {};
call.on("response", (headers) => { trailers = headers; }); // an error may come without a body
call.on("trailers", (headers) => { trailers = headers; });
call.on("data", (chunk) => chunks.push(chunk));
call.on("end", () => {
  const body = Buffer.concat(chunks).subarray(5);
  console.log(JSON.stringify({
    status: Number(trailers["grpc-status"]),
    message: decodeURIComponent(trailers["grpc-message"] ?? ""),
    details: trailers["grpc-status-details-bin"] ?? "",
    body: body.toString("base64"),
  }));
  session.close();
});
call.end(frame);
