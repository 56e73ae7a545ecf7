namespace PgCluster.Engine.Switchover;

/// <summary>The two databases of a run, but for the rows. Each call returns what a report says of it; errors are <see cref="PgClusterException"/>.</summary>
public interface ISwitchoverSite : IAsyncDisposable
{
    /// <summary>Cancelled when <see cref="FenceAsync"/> no longer keeps anybody from writing.</summary>
    CancellationToken FenceLost { get; }

    /// <summary>Takes the executor's lock for as long as this lives, and marks the source as in progress for this run.</summary>
    Task<string> LockAsync(CancellationToken cancellationToken);

    /// <summary>Marks the source as idle again, unless the pointer was flipped, and gives the lock back.</summary>
    Task<string> UnlockAsync(CancellationToken cancellationToken);

    /// <summary>Brings over what has to be there before the rows.</summary>
    Task<string> BringSchemaAsync(CancellationToken cancellationToken);

    /// <summary>Brings over what is better built after the rows.</summary>
    Task<string> FinishSchemaAsync(CancellationToken cancellationToken);

    /// <summary>Compares both sides as they were at one moment, for which writers wait while <paramref name="drain"/> brings the last changes over.</summary>
    /// <param name="drain">Returns when the target has every committed change.</param>
    /// <param name="cancellationToken">Ends it; writers go on.</param>
    Task<string> VerifyAsync(Func<CancellationToken, Task<string>> drain, CancellationToken cancellationToken);

    /// <summary>Keeps everybody from writing on the source.</summary>
    Task<string> FenceAsync(CancellationToken cancellationToken);

    /// <summary>Undo of <see cref="FenceAsync"/>.</summary>
    Task<string> UnfenceAsync(CancellationToken cancellationToken);

    /// <summary>Sets the target's sequences to the source's positions.</summary>
    Task<string> CopySequencesAsync(CancellationToken cancellationToken);

    /// <summary>Lets the target take writes; in a rollback it refuses them until then.</summary>
    Task<string> OpenTargetAsync(CancellationToken cancellationToken);

    /// <summary>Undo of <see cref="OpenTargetAsync"/>: a target that refused writes before does so again.</summary>
    Task<string> CloseTargetAsync(CancellationToken cancellationToken);

    /// <summary>Flips the pointer and makes the source refuse writes, in the transaction that holds the fence.</summary>
    Task<string> FlipAsync(CancellationToken cancellationToken);
}
