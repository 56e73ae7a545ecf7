using Microsoft.Extensions.Logging;

namespace PgCluster.Adapters.Postgres;

/// <summary>What the local server's keeper logs; events 3000 to 3099.</summary>
internal static partial class PostgresLog
{
    [LoggerMessage(3000, LogLevel.Information, "PostgreSQL of {Node} started, postmaster {Pid}, accepting connections after {ElapsedMs} ms")]
    internal static partial void Started(ILogger logger, string node, int pid, long elapsedMs);

    [LoggerMessage(3001, LogLevel.Information, "PostgreSQL of {Node} stopped ({Mode}) after {ElapsedMs} ms, clean {Clean}, checkpoint {Checkpoint}")]
    internal static partial void Stopped(ILogger logger, string node, string mode, long elapsedMs, bool clean, string checkpoint);

    [LoggerMessage(3002, LogLevel.Information, "PostgreSQL of {Node} promoted to timeline {Timeline} after {ElapsedMs} ms")]
    internal static partial void Promoted(ILogger logger, string node, int timeline, long elapsedMs);

    [LoggerMessage(3003, LogLevel.Information, "PostgreSQL of {Node} follows {Upstream} at {Host}:{Port}")]
    internal static partial void Follows(ILogger logger, string node, string upstream, string host, int port);

    [LoggerMessage(3004, LogLevel.Information, "PostgreSQL of {Node} has synchronous_standby_names '{Value}'")]
    internal static partial void SynchronousStandbys(ILogger logger, string node, string value);

    [LoggerMessage(3005, LogLevel.Warning, "PostgreSQL of {Node}: removed postmaster.pid, its process {Pid} is another program now")]
    internal static partial void StalePidFile(ILogger logger, string node, int pid);

    [LoggerMessage(3006, LogLevel.Debug, "PostgreSQL of {Node}: a pooled connection was broken, trying once more with a new one")]
    internal static partial void Reconnecting(ILogger logger, string node, Exception exception);

    [LoggerMessage(3007, LogLevel.Information, "PostgreSQL of {Node} is off its upstream after {ElapsedMs} ms: timeline {Timeline}, received {Received}, replayed {Replayed}")]
    internal static partial void Sealed(ILogger logger, string node, int timeline, string received, string replayed, long elapsedMs);

    [LoggerMessage(3008, LogLevel.Information, "PostgreSQL of {Node} rewound to {Upstream} after {ElapsedMs} ms, anything taken back {Changed}, kept in '{Kept}'")]
    internal static partial void Rewound(ILogger logger, string node, string upstream, bool changed, string kept, long elapsedMs);

    [LoggerMessage(3009, LogLevel.Information, "PostgreSQL of {Node} cloned from {Upstream} and streaming after {ElapsedMs} ms, old data kept in '{Kept}'")]
    internal static partial void Cloned(ILogger logger, string node, string upstream, string kept, long elapsedMs);

    [LoggerMessage(3010, LogLevel.Information, "PostgreSQL of {Node} made as database system {System} after {ElapsedMs} ms")]
    internal static partial void Made(ILogger logger, string node, string system, long elapsedMs);

    [LoggerMessage(3011, LogLevel.Information, "PostgreSQL of {Node}: should its postmaster die, connections are refused until its poolers are paused: its listening sockets cannot be held, {Why}")]
    internal static partial void NotHeld(ILogger logger, string node, string why);
}
