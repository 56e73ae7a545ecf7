using Microsoft.Extensions.Logging;

namespace PgCluster.Engine.Pooling;

/// <summary>Log messages of pauses (2000), of followers (2020) and of key streams (2040). Ids are stable.</summary>
internal static partial class PoolingLog
{
    [LoggerMessage(2000, LogLevel.Information, "Pooler {Pooler} paused for {Holder} under lease {Lease} until {ExpiresAt:o}")]
    public static partial void Paused(ILogger logger, string pooler, string holder, string lease, DateTimeOffset expiresAt);

    [LoggerMessage(2001, LogLevel.Warning, "Pooler {Pooler} not paused for {Holder} under lease {Lease}: {Error}")]
    public static partial void PauseFailed(ILogger logger, string pooler, string holder, string lease, string error);

    [LoggerMessage(2002, LogLevel.Information, "Pooler {Pooler} resumed from lease {Lease}: {Cause}")]
    public static partial void Resumed(ILogger logger, string pooler, string lease, string cause);

    [LoggerMessage(2003, LogLevel.Error, "Pooler {Pooler} not resumed from lease {Lease} ({Cause}), next attempt in {Delay}: {Error}")]
    public static partial void ResumeFailed(ILogger logger, string pooler, string lease, string cause, TimeSpan delay, string error);

    [LoggerMessage(2004, LogLevel.Warning, "Pooler {Pooler}: lease {Lease} expired")]
    public static partial void Expired(ILogger logger, string pooler, string lease);

    [LoggerMessage(2005, LogLevel.Debug, "Pooler {Pooler}: expiry of lease {Lease}, which is not the current one, ignored")]
    public static partial void StaleExpiry(ILogger logger, string pooler, string lease);

    [LoggerMessage(2006, LogLevel.Information, "Pooler {Pooler}: resumed what a predecessor may have left paused")]
    public static partial void Recovered(ILogger logger, string pooler);

    [LoggerMessage(2007, LogLevel.Critical, "Pooler {Pooler} may stay paused: given up at the end of the process, lease {Lease}")]
    public static partial void ResumeGivenUp(ILogger logger, string pooler, string lease);

    [LoggerMessage(2008, LogLevel.Warning, "Pooler {Pooler}: dropping all connections of {Databases}: some wait for a server that is gone")]
    public static partial void Killing(ILogger logger, string pooler, string databases);

    [LoggerMessage(2009, LogLevel.Information, "Pooler {Pooler} stays paused for {Holder} under lease {Lease} until {ExpiresAt:o}: taken over from the process before")]
    public static partial void Inherited(ILogger logger, string pooler, string holder, string lease, DateTimeOffset expiresAt);

    [LoggerMessage(2020, LogLevel.Information, "Pooler {Pooler} points to {Target}, revision {Revision}, after {Elapsed}")]
    public static partial void Followed(ILogger logger, string pooler, string target, long revision, TimeSpan elapsed);

    [LoggerMessage(2021, LogLevel.Error, "Pooler {Pooler} not pointed to {Target}, revision {Revision}, next attempt in {Delay}: {Error}")]
    public static partial void FollowFailed(ILogger logger, string pooler, string target, long revision, TimeSpan delay, string error);

    [LoggerMessage(2022, LogLevel.Warning, "Pooler {Pooler} keeps what it points to: {Problem}")]
    public static partial void NothingToFollow(ILogger logger, string pooler, string? problem);

    [LoggerMessage(2023, LogLevel.Information, "Pooler {Pooler} could be led to {Target} by {Run}")]
    public static partial void Rehearsed(ILogger logger, string pooler, string target, Guid run);

    [LoggerMessage(2024, LogLevel.Warning, "Pooler {Pooler} could not be led to {Target} by {Run}: {Objection}")]
    public static partial void Objected(ILogger logger, string pooler, string target, Guid run, string objection);

    [LoggerMessage(2040, LogLevel.Warning, "Watch of {Key} ended; started again")]
    public static partial void WatchEnded(ILogger logger, string key);

    [LoggerMessage(2041, LogLevel.Warning, "Watch of {Key} failed; tried again: {Error}")]
    public static partial void WatchFailed(ILogger logger, string key, string error);

    [LoggerMessage(2042, LogLevel.Warning, "Poll of {Key} failed: {Error}")]
    public static partial void PollFailed(ILogger logger, string key, string error);
}
