namespace PgCluster.Engine.Switchover;

/// <summary>What the leader does between the messages.</summary>
public interface ISwitchoverExecutor
{
    /// <summary>Copies and follows, while the application works, until little is left.</summary>
    /// <param name="status">What it is doing, for everybody.</param>
    /// <param name="cancellationToken">The run was cancelled.</param>
    Task SyncAsync(IProgress<string> status, CancellationToken cancellationToken);

    /// <summary>Stops the world, brings over the rest and flips the pointer. All applications are paused.</summary>
    /// <param name="status">What it is doing, for everybody.</param>
    /// <param name="cancellationToken">The run was cancelled. Whether the pointer was flipped stands in the database.</param>
    Task ExecAsync(IProgress<string> status, CancellationToken cancellationToken);
}
