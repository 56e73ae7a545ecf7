using PgCluster.Engine.Configuration;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Operations;

/// <summary>The cluster's lock for an operation that decides nothing about the primary's role: it announces nothing, so that nobody waits for a decision.</summary>
internal sealed class OperationLock : IAsyncDisposable
{
    /// <summary>Name of the step that takes it.</summary>
    public const string StepName = "lock";

    private readonly IClusterStore _store;
    private readonly ClusterConfig _config;
    private readonly string _id;
    private readonly LockHolder _holder;
    private IStoreLock? _lock;
    private OperationToken? _token;

    /// <summary>Makes it; nothing is taken yet.</summary>
    /// <param name="store">The store.</param>
    /// <param name="config">The cluster.</param>
    /// <param name="id">The operation's plan.</param>
    /// <param name="holder">Who takes it and why.</param>
    public OperationLock(IClusterStore store, ClusterConfig config, string id, LockHolder holder)
    {
        _store = store;
        _config = config;
        _id = id;
        _holder = holder;
    }

    /// <summary>What proves it to the agents.</summary>
    public OperationToken Token => _token ?? throw new InvalidOperationException("the lock comes first");

    /// <summary>The step of a plan that takes it.</summary>
    public static PlanStep Plan(FailoverConfig options) =>
        new(1, StepName, "take the cluster's lock", "", options.LockTimeout.TotalSeconds, "give the lock back, at the end in any case");

    /// <summary>Takes it, and gives it back at the end.</summary>
    public OperationStep Step(PlanStep plan) => new(plan, AcquireAsync) { FinallyAsync = ReleaseAsync };

    /// <summary>Ends a step as soon as the lock is lost, and says so.</summary>
    public Func<CancellationToken, Task<string>> Guarded(Func<CancellationToken, Task<string>> step) => async cancellationToken =>
    {
        var lost = _lock?.Lost ?? CancellationToken.None;
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lost);
        try
        {
            linked.Token.ThrowIfCancellationRequested();
            return await step(linked.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (lost.IsCancellationRequested)
        {
            throw new PgClusterException(Reason.LockLost, "the lease of the cluster's lock ended", e);
        }
    };

    /// <summary>Gives it back.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _lock, null) is { } held)
        {
            await held.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task<string> AcquireAsync(CancellationToken cancellationToken)
    {
        _lock = await _store.AcquireLockAsync(
            new StoreKeys(_config.Etcd.PrimaryKey).Lock, _holder, _config.Failover.LockTtl, _config.Failover.LockTimeout, cancellationToken).ConfigureAwait(false);
        _token = new OperationToken(_id, _lock.Key, _lock.CreateRevision);
        return _lock.Key;
    }

    private async Task<string> ReleaseAsync(CancellationToken cancellationToken)
    {
        var wasHeld = _lock is not null;
        await DisposeAsync().ConfigureAwait(false);
        return wasHeld ? "given back" : "was not held";
    }
}
