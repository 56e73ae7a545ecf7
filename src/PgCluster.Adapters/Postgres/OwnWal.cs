using PgCluster.Engine.Rejoin;

namespace PgCluster.Adapters.Postgres;

/// <summary>The WAL of a server that does not run.</summary>
internal sealed class OwnWal
{
    private readonly string _directory;
    private readonly ControlData _control;
    private readonly ulong _segmentBytes;

    private OwnWal(string directory, ControlData control, TimelineHistory history)
    {
        _directory = directory;
        _control = control;
        _segmentBytes = (ulong)control.SegmentBytes;
        History = history;
    }

    /// <summary>The timelines it went through, up to the one it would go on reading.</summary>
    internal TimelineHistory History { get; }

    /// <summary>Where its last whole record ends; null when the latest checkpoint cannot be read.</summary>
    internal Lsn? End { get; private init; }

    internal static OwnWal Read(string dataDirectory, ControlData control)
    {
        var directory = Path.Combine(dataDirectory, "pg_wal");
        var newest = Math.Max(control.Control.Timeline, control.MinRecoveryTimeline);
        foreach (var file in Directory.EnumerateFiles(directory))
        {
            // A standby that received a new timeline says so late in its control file.
            if (WalSegment.Parse(Path.GetFileName(file), (ulong)control.SegmentBytes) is { Timeline: var timeline } && timeline > newest
                && File.Exists(Path.Combine(directory, TimelineHistory.FileName(timeline))))
            {
                newest = timeline;
            }
        }

        var history = ReadHistory(directory, newest);
        using var reader = new WalReader(directory, history, control.SegmentBytes, control.PageBytes);
        var end = reader.FindEnd(control.Control.CheckpointLsn);
        if (end < control.MinRecovery)
        {
            // WAL it has replayed is not here any more.
            end = control.MinRecovery;
        }

        // Segments of a timeline may be there, made in advance, with nothing of it in them yet.
        var last = Math.Max(history.TimelineBefore(end ?? control.Control.CheckpointLsn), control.Control.Timeline);
        return new OwnWal(directory, control, last == newest ? history : ReadHistory(directory, last)) { End = end };
    }

    /// <summary>The segments pg_rewind needs of this server: from the last checkpoint before the fork on. All of them when that cannot be found.</summary>
    internal IReadOnlyList<string> SegmentsSinceCheckpointBefore(Lsn fork)
    {
        using var reader = new WalReader(_directory, History, _control.SegmentBytes, _control.PageBytes);
        var first = (reader.FindCheckpointBefore(fork, _control.Control.CheckpointLsn) ?? Lsn.Zero).Value / _segmentBytes;
        var last = End is { } end ? end.Value / _segmentBytes : ulong.MaxValue;
        return [.. Segments().Where(segment => segment.Number >= first && segment.Number <= last).Select(segment => segment.Path)];
    }

    /// <summary>
    /// Makes the WAL end at <paramref name="fork"/>: a standby replays everything it has on disk before it asks for more, and what lies beyond is not
    /// what the upstream has.
    /// </summary>
    internal void CutAt(Lsn fork)
    {
        var number = fork.Value / _segmentBytes;
        foreach (var segment in Segments().Where(segment => segment.Number >= number))
        {
            if (segment.Number > number)
            {
                File.Delete(segment.Path);
                continue;
            }

            using var file = new FileStream(segment.Path, FileMode.Open, FileAccess.Write);
            var zeros = new byte[1 << 16];
            for (file.Position = (long)(fork.Value % _segmentBytes); file.Position < (long)_segmentBytes;)
            {
                file.Write(zeros, 0, (int)Math.Min(zeros.Length, (long)_segmentBytes - file.Position));
            }

            file.Flush(flushToDisk: true);
        }
    }

    private IEnumerable<(ulong Number, string Path)> Segments()
    {
        foreach (var path in Directory.GetFiles(_directory))
        {
            if (WalSegment.Parse(Path.GetFileName(path), _segmentBytes) is { } segment)
            {
                yield return (segment.Number, path);
            }
        }
    }

    /// <summary>A timeline's history as this server has it. A timeline without a file began here or is the first.</summary>
    internal static TimelineHistory ReadHistory(string walDirectory, int timeline)
    {
        var file = Path.Combine(walDirectory, TimelineHistory.FileName(timeline));
        return File.Exists(file) ? TimelineHistory.Parse(timeline, File.ReadAllText(file)) : new TimelineHistory(timeline, []);
    }
}
