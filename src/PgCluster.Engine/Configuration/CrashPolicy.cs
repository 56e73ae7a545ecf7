namespace PgCluster.Engine.Configuration;

/// <summary>What is done when the primary's PostgreSQL dies and its agent lives.</summary>
public enum CrashPolicy
{
    /// <summary>Hand over when a synchronous standby has every acknowledged commit, else restart in place.</summary>
    Automatic = 0,

    /// <summary>Hand over.</summary>
    Failover,

    /// <summary>Restart in place; hand over when that does not succeed in time.</summary>
    Restart,
}
