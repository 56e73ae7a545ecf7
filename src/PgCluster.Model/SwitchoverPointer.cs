namespace PgCluster;

/// <summary>What a database says about itself: current_state of its row in pgcluster_switchover.state.</summary>
public enum SwitchoverPointer
{
    /// <summary>In charge; no switchover runs. "idle" in the database.</summary>
    Idle = 0,

    /// <summary>In charge; its changes are being followed. "in_progress" in the database.</summary>
    InProgress,

    /// <summary>Not in charge any more: the next database is. "use_next_db" in the database.</summary>
    UseNextDb,
}
