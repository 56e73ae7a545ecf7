namespace PgCluster.Engine.Measurement;

/// <summary>
/// Which nodes took writes when, seen by somebody who writes to each of them directly. A write that was answered happened somewhere between its sending and
/// its answer; a node that took two on one timeline reigned at least from the answer of the first until the sending of the last, so two nodes whose
/// reigns share a moment under that reading were writers at the same time for certain. Safe for any number of threads.
/// </summary>
public sealed class WriterReigns
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Node, int Timeline), Reign> _reigns = [];

    /// <summary>A node took a write.</summary>
    /// <param name="node">The node.</param>
    /// <param name="timeline">The timeline it wrote on.</param>
    /// <param name="sentAt">A clock's timestamp just before it was sent.</param>
    /// <param name="answeredAt">The same clock just after its answer.</param>
    public void Note(string node, int timeline, long sentAt, long answeredAt)
    {
        lock (_gate)
        {
            _reigns[(node, timeline)] = _reigns.TryGetValue((node, timeline), out var reign)
                ? new Reign(Math.Min(reign.BeganBy, answeredAt), Math.Max(reign.EndedAfter, sentAt))
                : new Reign(answeredAt, sentAt);
        }
    }

    /// <summary>Every pair of nodes that were writers at the same time.</summary>
    public IReadOnlyList<WriterOverlap> FindOverlaps()
    {
        lock (_gate)
        {
            var all = _reigns.ToArray();
            return
            [
                .. from first in all
                   from second in all
                   where string.CompareOrdinal(first.Key.Node, second.Key.Node) < 0
                       && first.Value.BeganBy <= second.Value.EndedAfter && second.Value.BeganBy <= first.Value.EndedAfter
                   select new WriterOverlap(
                       first.Key.Node, first.Key.Timeline, second.Key.Node, second.Key.Timeline,
                       Math.Max(first.Value.BeganBy, second.Value.BeganBy), Math.Min(first.Value.EndedAfter, second.Value.EndedAfter)),
            ];
        }
    }

    /// <summary>It had begun by the answer of its first write, and had not ended when its last one was sent.</summary>
    private readonly record struct Reign(long BeganBy, long EndedAfter);
}
