namespace PgCluster.Engine.Pacemaker;

/// <summary>What can be owed to Pacemaker.</summary>
public enum PacemakerDebtKind
{
    /// <summary>A constraint that a failover left: it is cleared.</summary>
    Move = 0,

    /// <summary>Maintenance mode: it ends.</summary>
    Maintenance,

    /// <summary>A node in standby: it may run servers again.</summary>
    Standby,
}
