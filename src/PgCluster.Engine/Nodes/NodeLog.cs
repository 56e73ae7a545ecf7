using Microsoft.Extensions.Logging;

namespace PgCluster.Engine.Nodes;

/// <summary>Log messages of an agent about its node. Ids are stable.</summary>
internal static partial class NodeLog
{
    [LoggerMessage(2001, LogLevel.Information, "Stopping the primary for operation {Operation} to {Target}; it returns by itself after {ExpirySeconds} s")]
    public static partial void Stopping(ILogger logger, string operation, string target, double expirySeconds);

    [LoggerMessage(2002, LogLevel.Information, "Promoted for operation {Operation}: timeline {Timeline}, writable after {Milliseconds} ms")]
    public static partial void Promoted(ILogger logger, string operation, int timeline, double milliseconds);

    [LoggerMessage(2003, LogLevel.Information, "Published {Address} as the primary at revision {Revision}")]
    public static partial void Published(ILogger logger, string address, long revision);

    [LoggerMessage(2004, LogLevel.Warning, "Stopping this server: {Target} leads")]
    public static partial void Fencing(ILogger logger, string target);

    [LoggerMessage(2005, LogLevel.Warning, "Operation {Operation} stopped this server and was not carried to its end in time")]
    public static partial void Expired(ILogger logger, string operation);

    [LoggerMessage(2006, LogLevel.Information, "Operation {Operation} is {State}: {Action}")]
    public static partial void Settled(ILogger logger, string operation, Failover.DecisionState state, NodeAction action);

    [LoggerMessage(2007, LogLevel.Information, "Starting PostgreSQL as a {Role}")]
    public static partial void StartingServer(ILogger logger, NodeRole role);

    [LoggerMessage(2008, LogLevel.Error, "This server cannot follow {Primary}: {Why}")]
    public static partial void NeedsRepair(ILogger logger, string primary, string why);

    [LoggerMessage(2009, LogLevel.Warning, "{Reason}: {Message}")]
    public static partial void TurnFailed(ILogger logger, Reason reason, string message);

    [LoggerMessage(2010, LogLevel.Warning, "Not leading any more: {Why}")]
    public static partial void SteppingDown(ILogger logger, string why);

    [LoggerMessage(2011, LogLevel.Information, "Election: {Winner}; {Evidence}; {Candidates}")]
    public static partial void Election(ILogger logger, string winner, string evidence, string candidates);

    [LoggerMessage(2012, LogLevel.Warning, "Taken over from {Lost} ({Why}) in {Milliseconds} ms")]
    public static partial void TakenOver(ILogger logger, string lost, string why, double milliseconds);

    [LoggerMessage(2013, LogLevel.Warning, "Coming back as a standby of {Primary}: {Method}, because {Why}")]
    public static partial void Rejoining(ILogger logger, string primary, Rejoin.RejoinMethod method, string why);

    [LoggerMessage(2014, LogLevel.Warning, "pg_rewind did not help, so a new copy is made: {Error}")]
    public static partial void RewindFailed(ILogger logger, string error);

    [LoggerMessage(2016, LogLevel.Warning, "No more WAL is kept for {Node}: it does not stream, and would take more than {Limit} bytes")]
    public static partial void SlotGivenUp(ILogger logger, string node, long limit);

    [LoggerMessage(2017, LogLevel.Warning, "The replication slots are not as they should be: {Error}")]
    public static partial void SlotsFailed(ILogger logger, string error);

    [LoggerMessage(2018, LogLevel.Warning, "Advice: {Advice} ({Why})")]
    public static partial void Advice(ILogger logger, string advice, string why);

    [LoggerMessage(2019, LogLevel.Warning, "Not every agent vouches for this leader: {Error}")]
    public static partial void NotVouchedFor(ILogger logger, string error);

    [LoggerMessage(2020, LogLevel.Error, "This server is left alone: {Why}")]
    public static partial void ForeignServer(ILogger logger, string why);

    [LoggerMessage(2021, LogLevel.Warning, "Waiting until the cluster is initialised: {Why}")]
    public static partial void Waiting(ILogger logger, string why);

    [LoggerMessage(2022, LogLevel.Warning, "The cluster's nodes have changed: this agent begins anew with {Nodes}")]
    public static partial void MembersChanged(ILogger logger, string nodes);

    [LoggerMessage(2023, LogLevel.Information, "Restarting PostgreSQL, a {Role}, for operation {Operation}")]
    public static partial void Restarting(ILogger logger, string operation, NodeRole role);

    [LoggerMessage(2024, LogLevel.Warning, "A fast shutdown did not come to its end in {Seconds} s: PostgreSQL is stopped at once, and recovers when it starts")]
    public static partial void ShutdownTooSlow(ILogger logger, double seconds);

    [LoggerMessage(2025, LogLevel.Warning, "Clients wait: {Leader} has not been heard of for most of its lease")]
    public static partial void Suspected(ILogger logger, string leader);

    [LoggerMessage(2026, LogLevel.Error, "This agent does nothing: {Why}")]
    public static partial void NotThisNode(ILogger logger, string why);

    [LoggerMessage(2015, LogLevel.Error, "This look ended with an error that nobody foresaw")]
    public static partial void Defect(ILogger logger, Exception exception);
}
