using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Grpc;

namespace PgCluster.Adapters.Etcd;

/// <summary>What is logged about etcd: events 2100 to 2199.</summary>
internal static partial class EtcdLog
{
    [LoggerMessage(2100, LogLevel.Debug, "etcd {Method} at {Endpoint} failed: {Status} {Detail}", EventName = "etcd.try_failed")]
    public static partial void TryFailed(ILogger logger, string method, string endpoint, GrpcStatusCode status, string detail);

    [LoggerMessage(2101, LogLevel.Warning, "A user is configured for etcd at {Endpoints}, but authentication is not enabled there",
        EventName = "etcd.authentication_not_enabled")]
    public static partial void AuthenticationNotEnabled(ILogger logger, string endpoints);

    [LoggerMessage(2110, LogLevel.Debug, "etcd lease {Lease} of {Seconds} s granted", EventName = "etcd.lease.granted")]
    public static partial void LeaseGranted(ILogger logger, string lease, double seconds);

    [LoggerMessage(2111, LogLevel.Warning, "etcd lease {Lease} could not be renewed at {Endpoint}: {Detail}",
        EventName = "etcd.lease.renewal_failed")]
    public static partial void RenewalFailed(ILogger logger, string lease, string endpoint, string detail);

    [LoggerMessage(2112, LogLevel.Error, "etcd lease {Lease} is lost: {Why}", EventName = "etcd.lease.lost")]
    public static partial void LeaseLost(ILogger logger, string lease, string why);

    [LoggerMessage(2113, LogLevel.Warning, "etcd lease {Lease} could not be revoked, it ends by itself: {Detail}",
        EventName = "etcd.lease.revoke_failed")]
    public static partial void RevokeFailed(ILogger logger, string lease, string detail);

    [LoggerMessage(2120, LogLevel.Debug, "etcd watch of {Key} begins at revision {Revision} at {Endpoint}", EventName = "etcd.watch.started")]
    public static partial void WatchStarted(ILogger logger, string key, long revision, string endpoint);

    [LoggerMessage(2121, LogLevel.Information, "etcd watch of {Key} at {Endpoint} broke, resumes at revision {Revision}: {Detail}",
        EventName = "etcd.watch.broken")]
    public static partial void WatchBroken(ILogger logger, string key, string endpoint, long revision, string detail);

    [LoggerMessage(2122, LogLevel.Warning, "etcd watch of {Key} has a gap: events up to revision {Revision} are compacted",
        EventName = "etcd.watch.gap")]
    public static partial void WatchGap(ILogger logger, string key, long revision);

    [LoggerMessage(2123, LogLevel.Warning, "The reader of the etcd watch of {Key} is slow: the watch pauses before revision {Revision}",
        EventName = "etcd.watch.slow_reader")]
    public static partial void SlowReader(ILogger logger, string key, long revision);

    [LoggerMessage(2124, LogLevel.Error, "etcd watch of {Key} ended: {Detail}", EventName = "etcd.watch.ended")]
    public static partial void WatchEnded(ILogger logger, string key, string detail);

    [LoggerMessage(2130, LogLevel.Debug, "etcd lock {Key} taken by {Holder} for {Purpose}", EventName = "etcd.lock.acquired")]
    public static partial void LockAcquired(ILogger logger, string key, string holder, string purpose);

    [LoggerMessage(2131, LogLevel.Error, "etcd lock {Key} is lost: its key was deleted", EventName = "etcd.lock.lost")]
    public static partial void LockLost(ILogger logger, string key);
}
