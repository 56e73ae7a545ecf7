using Microsoft.Extensions.Logging;

namespace PgCluster.Engine.Health;

/// <summary>Log messages of monitors (2300) and watches of health (2310). Ids are stable.</summary>
internal static partial class HealthLog
{
    [LoggerMessage(2300, LogLevel.Warning, "What {Observer} sees of the nodes could not be written: {Error}")]
    public static partial void WriteFailed(ILogger logger, string observer, string error);

    [LoggerMessage(2301, LogLevel.Information, "{Observer} sees {Node} {State}: {Detail}")]
    public static partial void Turned(ILogger logger, string observer, string node, HealthState state, string detail);

    [LoggerMessage(2310, LogLevel.Warning, "Watch of the nodes' health failed; tried again: {Error}")]
    public static partial void WatchFailed(ILogger logger, string error);

    [LoggerMessage(2311, LogLevel.Warning, "Watch of the nodes' health ended; started again")]
    public static partial void WatchEnded(ILogger logger);
}
