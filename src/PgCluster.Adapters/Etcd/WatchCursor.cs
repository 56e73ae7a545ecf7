using PgCluster.Adapters.Etcd.Wire;
using PgCluster.Engine.Store;

namespace PgCluster.Adapters.Etcd;

/// <summary>How far a watch has come, and what each response adds to it.</summary>
internal sealed class WatchCursor(EtcdKeyspace keys, long firstRevision)
{
    private bool _moved;

    /// <summary>The first revision that was not delivered yet.</summary>
    public long Next { get; private set; } = firstRevision;

    /// <summary>
    /// Where a stream has to start. A first one at the revision that is wanted: etcd delivers from there without a pause. A later one begins one
    /// revision early (and drops what it knows), because a compaction takes away a deletion at its own revision but still lets a watch start there:
    /// the deletion would be missing without a word. Begun one earlier, the watch is told of the compaction.
    /// </summary>
    public long StartRevision => _moved ? Math.Max(1, Next - 1) : Next;

    /// <summary>Says that a stream broke: the next one resumes.</summary>
    public void Resume() => _moved = true;

    /// <summary>Takes a response and returns the events in it that are new, in order.</summary>
    public IReadOnlyList<StoreEvent> Accept(WatchResponse response)
    {
        if (response.CompactRevision > 0)
        {
            Next = Math.Max(Next, response.CompactRevision + 1);
            return [new StoreEvent.Gap(Next - 1)];
        }

        if (response.Events.Count == 0)
        {
            // etcd's own notice of progress: everything up to here was sent. (The one a client may ask for is no such promise in older
            // versions, so it is not used.) The answer to the creation is none: what it is to catch up with is still to come.
            if (!response.Created && !response.Canceled)
            {
                Next = Math.Max(Next, response.Header.Revision + 1);
            }

            return [];
        }

        var events = new List<StoreEvent>(response.Events.Count);
        foreach (var change in response.Events)
        {
            var kv = change.Kv;
            if (kv.ModRevision < Next)
            {
                continue;
            }

            var key = keys.FromWire(kv.Key);
            events.Add(change.Type == Event.Types.EventType.Delete
                ? new StoreEvent.Delete(key, kv.ModRevision)
                : new StoreEvent.Put(new StoreEntry(key, kv.Value.ToStringUtf8(), kv.CreateRevision, kv.ModRevision, kv.Version)));
        }

        // Only after all of them: several events of one transaction share a revision.
        Next = Math.Max(Next, response.Events[^1].Kv.ModRevision + 1);
        return events;
    }
}
