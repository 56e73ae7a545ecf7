using Microsoft.Extensions.Logging;

namespace PgCluster.Engine.Pacemaker;

/// <summary>Log messages of an agent about Pacemaker. Ids are stable.</summary>
internal static partial class PacemakerLog
{
    [LoggerMessage(2101, LogLevel.Warning, "{Reason}: {Message}")]
    public static partial void TurnFailed(ILogger logger, Reason reason, string message);

    [LoggerMessage(2102, LogLevel.Information, "Pacemaker has {Primary} as the primary and {Synchronous} as its synchronous standby")]
    public static partial void Roles(ILogger logger, string primary, string synchronous);

    [LoggerMessage(2103, LogLevel.Warning, "What Pacemaker says is not to be used: {Why}")]
    public static partial void Unusable(ILogger logger, string why);

    [LoggerMessage(2104, LogLevel.Information, "Published {Address}, {Node}, as the primary at revision {Revision}")]
    public static partial void Published(ILogger logger, string address, string node, long revision);

    [LoggerMessage(2105, LogLevel.Information, "Asked Pacemaker to move the primary to {Target} for operation {Operation}")]
    public static partial void Moving(ILogger logger, string target, string operation);

    [LoggerMessage(2106, LogLevel.Warning, "Taken back in Pacemaker: {Kind} {Target}, because {While} is gone")]
    public static partial void TakenBack(ILogger logger, PacemakerDebtKind kind, string target, string @while);

    [LoggerMessage(2107, LogLevel.Information, "Done in Pacemaker: {Kind} {Target}, while {While} stands")]
    public static partial void Mirrored(ILogger logger, PacemakerDebtKind kind, string target, string @while);

    [LoggerMessage(2108, LogLevel.Warning, "The lock file of an old primary was removed, and Pacemaker starts the server behind {Primary}: {Why}")]
    public static partial void LockFileRemoved(ILogger logger, string primary, string why);

    [LoggerMessage(2109, LogLevel.Error, "The server needs a repair before it can be a standby of {Primary}: {Why}")]
    public static partial void NeedsRepair(ILogger logger, string primary, string why);

    [LoggerMessage(2110, LogLevel.Information, "Changes are not told of here, looking every {Seconds} s: {Why}")]
    public static partial void NotWatching(ILogger logger, double seconds, string why);

    [LoggerMessage(2111, LogLevel.Error, "A look failed in a way that it should not: a defect")]
    public static partial void Defect(ILogger logger, Exception error);

    [LoggerMessage(2112, LogLevel.Warning, "Coming back as a standby of {Primary}: {Method}, because {Why}")]
    public static partial void Rejoining(ILogger logger, string primary, Rejoin.RejoinMethod method, string why);

    [LoggerMessage(2113, LogLevel.Warning, "pg_rewind did not help, so a new copy is made: {Error}")]
    public static partial void RewindFailed(ILogger logger, string error);

    [LoggerMessage(2114, LogLevel.Warning, "Waiting for Pacemaker, which knows the data directory of {Node}: {Why}")]
    public static partial void WaitsForDataDirectory(ILogger logger, string node, string why);
}
