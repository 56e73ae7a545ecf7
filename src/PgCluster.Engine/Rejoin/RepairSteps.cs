namespace PgCluster.Engine.Rejoin;

/// <summary>Names of the steps of a repair beside the lock; the one that changes the node is called follow, rewind or clone.</summary>
public static class RepairSteps
{
    /// <summary>Looks once more, under the lock, whether the leader is the plan's.</summary>
    public const string Recheck = "recheck";

    /// <summary>Waits until the node streams from the leader.</summary>
    public const string Stream = "stream";
}
