using Microsoft.Extensions.Logging;

namespace PgCluster.Switchover;

/// <summary>What the gate logs; events 4020 to 4029.</summary>
internal static partial class GateLog
{
    [LoggerMessage(4020, LogLevel.Information, "The application works on the {Side} database from here on: {Database}")]
    internal static partial void Moved(ILogger logger, string side, string database);

    [LoggerMessage(4021, LogLevel.Warning, "A connection to the {Side} database could not release its locks and is closed")]
    internal static partial void NotReleased(ILogger logger, string side, Exception exception);
}
