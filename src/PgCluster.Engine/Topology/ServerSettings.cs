namespace PgCluster.Engine.Topology;

/// <summary>Settings of a server, as it has them in force.</summary>
/// <param name="WalLogHints">wal_log_hints.</param>
/// <param name="DataChecksums">data_checksums.</param>
/// <param name="RetrieveRetry">wal_retrieve_retry_interval: how long a standby waits before it tries its upstream again.</param>
public sealed record ServerSettings(bool WalLogHints, bool DataChecksums, TimeSpan RetrieveRetry)
{
    /// <summary>True when pg_rewind can work on it.</summary>
    public bool CanBeRewound => WalLogHints || DataChecksums;
}
