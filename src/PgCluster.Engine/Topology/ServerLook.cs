namespace PgCluster.Engine.Topology;

/// <summary>What a server answered when it was asked itself, by SQL.</summary>
public enum ServerAnswer
{
    /// <summary>Nothing, in time: down, starting, stopping, frozen or cut off.</summary>
    Silent = 0,

    /// <summary>It is there and does not let this caller in.</summary>
    Refused,

    /// <summary>It is in recovery: it accepts no writes.</summary>
    Standby,

    /// <summary>It is not in recovery: it accepts writes.</summary>
    Writes,
}

/// <summary>One look at one server.</summary>
/// <param name="Node">The node's name.</param>
/// <param name="Answer">What it answered.</param>
/// <param name="StartedAt">When it was asked, by the looker's monotonic clock.</param>
/// <param name="EndedAt">When the answer was there, or given up.</param>
/// <param name="Timeline">Timeline it writes; 0 unless it accepts writes.</param>
/// <param name="Lsn">How far it had written; null unless it accepts writes.</param>
/// <param name="Detail">Why there is no answer; empty when there is one.</param>
public sealed record ServerLook(
    string Node, ServerAnswer Answer, TimeSpan StartedAt, TimeSpan EndedAt, int Timeline = 0, Lsn? Lsn = null, string Detail = "");
