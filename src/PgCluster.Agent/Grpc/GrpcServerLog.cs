using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Grpc;

namespace PgCluster.Agent.Grpc;

/// <summary>What the server says about its calls.</summary>
internal static partial class GrpcServerLog
{
    [LoggerMessage(EventId = 7101, EventName = "grpc.call.start", Level = LogLevel.Debug, Message = "{Method} from {Peer}, trace {Trace}")]
    internal static partial void CallStarted(ILogger logger, string method, string peer, string trace);

    [LoggerMessage(EventId = 7102, EventName = "grpc.call.end", Level = LogLevel.Debug,
        Message = "{Method} from {Peer}, trace {Trace}: {Status} after {Milliseconds:F1} ms")]
    internal static partial void CallEnded(ILogger logger, string method, string peer, string trace, GrpcStatusCode status, double milliseconds);

    [LoggerMessage(EventId = 7103, EventName = "grpc.call.failed", Level = LogLevel.Information,
        Message = "{Method} from {Peer}, trace {Trace}: {Status} after {Milliseconds:F1} ms: {Detail}")]
    internal static partial void CallFailed(
        ILogger logger, string method, string peer, string trace, GrpcStatusCode status, double milliseconds, string detail);

    [LoggerMessage(EventId = 7104, EventName = "grpc.handler.fault", Level = LogLevel.Error, Message = "{Method} from {Peer}, trace {Trace}: the handler failed")]
    internal static partial void HandlerFault(ILogger logger, Exception exception, string method, string peer, string trace);
}
