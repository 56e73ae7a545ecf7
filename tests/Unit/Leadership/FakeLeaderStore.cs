using PgCluster.Engine.Store;

namespace PgCluster.Tests.Unit.Leadership;

/// <summary>A store in memory, as far as a leader's seat needs one.</summary>
internal sealed class FakeLeaderStore(TimeProvider time) : IClusterStore
{
    private readonly Dictionary<string, StoreEntry> _entries = [];
    private readonly Dictionary<string, IStoreLease?> _leases = [];

    /// <summary>Called before a transaction is looked at.</summary>
    public Action OnCommit { get; set; } = () => { };

    /// <summary>True while no transaction is done.</summary>
    public bool FailsCommits { get; set; }

    /// <summary>True when the answer to a transaction is lost after it was done.</summary>
    public bool LosesAnswers { get; set; }

    public long Revision { get; private set; }

    public List<IReadOnlyList<StoreOperation>> Committed { get; } = [];

    public List<FakeLeaderLease> Leases { get; } = [];

    public string? Value(string key) => _entries.GetValueOrDefault(key)?.Value;

    public StoreEntry? Entry(string key) => _entries.GetValueOrDefault(key);

    /// <summary>What another client writes.</summary>
    public void Put(string key, string value)
    {
        _entries[key] = new StoreEntry(key, value, Revision + 1, ++Revision, 1);
        _leases[key] = null;
    }

    public void End(IStoreLease lease)
    {
        foreach (var key in _leases.Where(l => l.Value == lease).Select(l => l.Key).ToArray())
        {
            _entries.Remove(key);
        }
    }

    public Task<IStoreLease> GrantLeaseAsync(TimeSpan timeToLive, CancellationToken cancellationToken)
    {
        var lease = new FakeLeaderLease(this, Leases.Count + 1, timeToLive, time.GetTimestamp());
        Leases.Add(lease);
        return Task.FromResult<IStoreLease>(lease);
    }

    public Task<StoreCommit> CommitAsync(IReadOnlyList<StoreCondition> conditions, IReadOnlyList<StoreOperation> operations, CancellationToken cancellationToken)
    {
        OnCommit();
        if (FailsCommits)
        {
            throw new PgClusterException(Reason.StoreUnavailable, "nothing is written");
        }

        var holds = conditions.All(c => c switch
        {
            StoreCondition.Absent => !_entries.ContainsKey(c.Key),
            StoreCondition.ModRevisionIs revision => Entry(c.Key)?.ModRevision == revision.ModRevision,
            StoreCondition.ValueIs value => Entry(c.Key)?.Value == value.Value,
            _ => throw new NotSupportedException(),
        });
        if (holds)
        {
            Revision++;
            Committed.Add(operations);
            foreach (var operation in operations)
            {
                if (operation is StoreOperation.Put put)
                {
                    _entries[put.Key] = new StoreEntry(put.Key, put.Value, Revision, Revision, 1);
                    _leases[put.Key] = put.Lease;
                }
                else
                {
                    _entries.Remove(operation.Key);
                }
            }
        }

        return LosesAnswers ? throw new PgClusterException(Reason.StoreUnavailable, "no answer") : Task.FromResult(new StoreCommit(holds, Revision));
    }

    public Task<StoreEntry?> GetAsync(string key, CancellationToken cancellationToken) => Task.FromResult(Entry(key));

    public Task<StoreRange> ListAsync(string prefix, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<long> PutAsync(string key, string value, IStoreLease? lease, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<bool> DeleteAsync(string key, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<StoreUpdate> CompareAndUpdateAsync(string key, string value, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IStoreWatch> WatchAsync(string key, bool isPrefix, long fromRevision, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IStoreLock> AcquireLockAsync(string prefix, LockHolder holder, TimeSpan timeToLive, TimeSpan timeout, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public Task<StoreLockState?> GetLockAsync(string prefix, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<StoreHealth> GetHealthAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
