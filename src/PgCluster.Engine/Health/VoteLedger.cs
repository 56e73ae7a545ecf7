using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Health;

/// <summary>
/// The observers' reports as one reader has them, each with the moment at which this reader first had that revision of it. Safe for any number of threads.
/// </summary>
internal sealed class VoteLedger(TimeProvider time)
{
    private readonly Lock _sync = new();
    private readonly Dictionary<string, Row> _rows = new(StringComparer.Ordinal);
    private long _listed;

    /// <summary>Takes over what a list found; a report that is known already keeps its moment.</summary>
    public void Replace(StoreRange range)
    {
        lock (_sync)
        {
            _listed = range.Revision;
            foreach (var gone in _rows.Keys.Except(range.Entries.Select(e => e.Key), StringComparer.Ordinal).ToArray())
            {
                _rows.Remove(gone);
            }

            foreach (var entry in range.Entries)
            {
                Put(entry, written: _rows.ContainsKey(entry.Key));
            }
        }
    }

    /// <summary>Takes over a change unless the last list was made after it; false for a gap, after which a list is needed.</summary>
    public bool Apply(StoreEvent change)
    {
        lock (_sync)
        {
            switch (change)
            {
                case StoreEvent.Put or StoreEvent.Delete when change.Revision <= _listed:
                    return true;
                case StoreEvent.Put put:
                    Put(put.Entry, written: true);
                    return true;
                case StoreEvent.Delete delete:
                    _rows.Remove(delete.Key);
                    return true;
                default:
                    return false;
            }
        }
    }

    /// <summary>Every report with its age.</summary>
    public IReadOnlyList<ObserverView> Views()
    {
        lock (_sync)
        {
            return [.. _rows.Values.Select(r => new ObserverView(r.Report, time.GetElapsedTime(r.SeenAt)))];
        }
    }

    /// <summary>
    /// Every report with its age, for a reader that does not stay to see whether it is written again: one that was found and not written since may be as old as its
    /// writer's wall clock says.
    /// </summary>
    public IReadOnlyList<ObserverView> ViewsInDoubt()
    {
        lock (_sync)
        {
            return [.. _rows.Values.Select(r =>
            {
                var seen = time.GetElapsedTime(r.SeenAt);
                var written = time.GetUtcNow() - r.Report.WrittenAt;
                return new ObserverView(r.Report, r.Written || written < seen ? seen : written);
            })];
        }
    }

    /// <summary>True when every report was written while this reader looked.</summary>
    public bool AllWritten
    {
        get
        {
            lock (_sync)
            {
                return _rows.Values.All(r => r.Written);
            }
        }
    }

    private void Put(StoreEntry entry, bool written)
    {
        if (_rows.TryGetValue(entry.Key, out var known) && known.Revision >= entry.ModRevision)
        {
            return;
        }

        // The key is whose word it is: a report that names somebody else would give one observer two votes.
        if (HealthReport.FromJson(entry.Value) is { } report && StoreKeys.Health + report.Observer == entry.Key)
        {
            _rows[entry.Key] = new Row(report, entry.ModRevision, time.GetTimestamp(), written);
        }
        else
        {
            _rows.Remove(entry.Key);
        }
    }

    private sealed record Row(HealthReport Report, long Revision, long SeenAt, bool Written);
}
