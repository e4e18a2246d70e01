"""devhost: the function app on this machine, on Microsoft's own Python worker library.

It stands where the Functions host stands in Azure: it indexes function_app.py through azure-functions-runtime and
invokes every function through it, with the data shapes that the host sends. Served are HTTP triggers (routes, methods,
keys), the Event Grid webhook (handshakes, both schemas, the rule for arrays), queue triggers (lease, dequeue count,
retry delay, poison queue as host.json says), timer triggers (NCRONTAB) and queue outputs.

What the real host does and devhost does not:

- It does not scale: one process, one worker, no per-function instances, no dynamic concurrency, no time limit
  (functionTimeout), no limits on concurrent HTTP requests.
- Keys are not managed: one key stands for function, host, master and system keys; /admin has no more than three routes.
- Timers hold no lock in storage and keep their status in memory: two hosts both fire (see --no-timers), and a run
  missed while devhost was down is not made up for (useMonitor).
- No Easy Auth: `X-MS-CLIENT-PRINCIPAL*` headers are neither made nor stripped.
- Retry policies (`@app.retry`) are ignored.
- No blob, table, Service Bus, Event Hubs, Cosmos DB or Durable bindings, no bindings
  of SDK types, no streaming of HTTP bodies, no output but queues; an app with such a binding is refused at start-up.
- Connections are connection strings only; identity-based ones (`NAME__accountName`) are refused.
- No telemetry: no Application Insights, no `telemetryMode`, no log levels from host.json.
- A wrong method answers 405 with `Allow`, where the host answers 404; a delivery of events without `aeg-event-type` is
  accepted, where the host answers 400; the queue of a trigger is created where it is missing.
- One function that cannot be served stops devhost with a message; the real host would run the others.
"""
