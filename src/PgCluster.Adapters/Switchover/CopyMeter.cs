using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>Counts what a copy has done; workers write, one reader reports.</summary>
internal sealed class CopyMeter
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly long _began;
    private readonly Dictionary<TableName, int> _missingParts;
    private readonly long _rowsExpected;
    private readonly long _weight;
    private readonly int _tables;
    private long _sent;
    private long _rows;
    private long _finishedBytes;
    private long _finishedWeight;
    private string _current = "";

    internal CopyMeter(IReadOnlyList<SwitchoverTable> tables, IReadOnlyList<CopyPart> parts, TimeProvider time)
    {
        _time = time;
        _began = time.GetTimestamp();
        _tables = tables.Count;
        _missingParts = parts.GroupBy(p => p.Table.Name).ToDictionary(g => g.Key, g => g.Count());
        _rowsExpected = parts.Where(p => p.Index == 0).Sum(p => Math.Max(0, p.Table.EstimatedRows));
        _weight = parts.Sum(p => p.Weight);
    }

    internal void Sent(int bytes) => Interlocked.Add(ref _sent, bytes);

    internal void Started(CopyPart part)
    {
        lock (_lock)
        {
            _current = part.Table.Name.ToString();
        }
    }

    internal void Finished(CopyPart part, long rows, long bytes)
    {
        lock (_lock)
        {
            _rows += rows;
            _finishedBytes += bytes;
            _finishedWeight += part.Weight;
            if (--_missingParts[part.Table.Name] == 0)
            {
                _missingParts.Remove(part.Table.Name);
            }
        }
    }

    internal SwitchoverProgress Read()
    {
        lock (_lock)
        {
            var sent = Interlocked.Read(ref _sent);
            var elapsed = _time.GetElapsedTime(_began).TotalSeconds;

            // What travels differs from what is stored (compression, dead rows): parts that are done tell by how much.
            var ratio = _finishedWeight > 0 ? (double)_finishedBytes / _finishedWeight : 1;
            var expected = _missingParts.Count == 0 ? sent : Math.Max(sent, _finishedBytes + (long)((_weight - _finishedWeight) * ratio));
            double? remaining = sent > 0 && elapsed > 0 ? (expected - sent) / (sent / elapsed) : null;
            return new SwitchoverProgress(
                _tables, _tables - _missingParts.Count, _rows, Math.Max(_rowsExpected, _rows), sent, expected, elapsed, remaining,
                _missingParts.Count == 0 ? "" : _current);
        }
    }
}
