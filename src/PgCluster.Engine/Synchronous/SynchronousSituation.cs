using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Nodes;

namespace PgCluster.Engine.Synchronous;

/// <summary>Everything the leader's next step is decided by.</summary>
/// <param name="Config">The policy asked for.</param>
/// <param name="Primary">The leader.</param>
/// <param name="PrimaryDomain">Its failure domain; empty when unknown.</param>
/// <param name="Server">Its server, at this look.</param>
/// <param name="Recorded">What is on record; null when nothing is.</param>
/// <param name="AloneSince">
/// WAL position before which a commit may have been acknowledged under another list than the one PostgreSQL enforces now, and from which on none was; null while that is not
/// certain yet.
/// </param>
/// <param name="IsWritten">True when this agent has written the list in force itself, so that nothing half done of an agent before it can come into force later.</param>
/// <param name="Others">The other nodes.</param>
public sealed record SynchronousSituation(
    SynchronousConfig Config, string Primary, string PrimaryDomain, PostgresStatus Server, SynchronousPolicyRecord? Recorded, Lsn? AloneSince,
    bool IsWritten, IReadOnlyList<SynchronousStandby> Others)
{
    /// <summary>How many standbys are to be voters.</summary>
    public int Places { get; init; } = int.MaxValue;
}
