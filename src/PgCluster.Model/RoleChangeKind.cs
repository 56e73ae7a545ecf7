namespace PgCluster;

/// <summary>What one step of a role plan does.</summary>
public enum RoleChangeKind
{
    /// <summary>Gives a member another role.</summary>
    Assign = 0,

    /// <summary>Moves the primary to a member, by a planned failover.</summary>
    MovePrimary,
}
