using System.Globalization;

namespace PgCluster.Engine.Topology;

/// <summary>
/// Says when two servers accept writes at the same time. One look proves nothing: a primary that answered may have stopped before the next one answered. The rule:
/// between two looks in a row that find a server accepting writes on the same timeline, it accepted them all along. Two servers for which these spans have a moment
/// in common are a split brain. A server leaves it with an answer that it is a standby, or with two looks in a row without an answer.
/// </summary>
public sealed class SplitBrainDetector
{
    private readonly Dictionary<string, Span> _spans = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, ServerLook> _writers = new(StringComparer.Ordinal);

    /// <summary>Takes in a look, each node's in order; what changed by it, null when nothing did.</summary>
    public SplitBrainChange? Take(ServerLook look)
    {
        ArgumentNullException.ThrowIfNull(look);
        var span = _spans[look.Node] = Next(_spans.GetValueOrDefault(look.Node), look);
        if (look.Answer == ServerAnswer.Writes)
        {
            return Writes(look, span);
        }

        var gone = look.Answer == ServerAnswer.Standby || span.SilentLooks >= 2;
        if (!gone || !_writers.ContainsKey(look.Node))
        {
            return null;
        }

        var before = _writers.Values.ToArray();
        _writers.Remove(look.Node);
        if (_writers.Count > 1)
        {
            return new SplitBrainChange([.. _writers.Values], Over: false, $"{Left(look)}; {Describe(_writers.Values)}");
        }

        _writers.Clear();
        return new SplitBrainChange(before, Over: true, Left(look));
    }

    private SplitBrainChange? Writes(ServerLook look, Span span)
    {
        if (_writers.ContainsKey(look.Node))
        {
            _writers[look.Node] = look;
            return null;
        }

        var others = _spans.Values.Where(s => s.Last.Node != look.Node && s.Overlaps(span)).Select(s => s.Last).ToArray();
        if (others.Length == 0)
        {
            return null;
        }

        foreach (var writer in others.Append(look))
        {
            _writers[writer.Node] = writer;
        }

        return new SplitBrainChange([.. _writers.Values], Over: false, Describe(_writers.Values));
    }

    private static Span Next(Span? before, ServerLook look) => look.Answer switch
    {
        ServerAnswer.Writes when before is { Last: { Answer: ServerAnswer.Writes } last } && last.Timeline == look.Timeline => before with { Until = look.StartedAt, Last = look },

        // Known only for the moment of the answer: the span is empty until the next look confirms it.
        ServerAnswer.Writes => new Span(look.EndedAt, null, look, 0),
        ServerAnswer.Standby => new Span(look.EndedAt, null, look, 0),
        _ => new Span(look.EndedAt, null, look, (before?.SilentLooks ?? 0) + 1),
    };

    private static string Describe(IEnumerable<ServerLook> writers) => string.Join(
        ", ", writers.Select(w => string.Create(CultureInfo.InvariantCulture, $"{w.Node} accepts writes on timeline {w.Timeline} at {w.Lsn}")));

    private static string Left(ServerLook look) =>
        look.Answer == ServerAnswer.Standby ? $"{look.Node} is a standby" : $"{look.Node} does not answer any more: {look.Detail}";

    /// <summary>How long a server has surely accepted writes.</summary>
    /// <param name="Since">When the first look that found it so had its answer.</param>
    /// <param name="Until">When the latest of them was sent; null when there was only one.</param>
    /// <param name="Last">The latest look.</param>
    /// <param name="SilentLooks">Looks in a row without an answer.</param>
    private sealed record Span(TimeSpan Since, TimeSpan? Until, ServerLook Last, int SilentLooks)
    {
        public bool Overlaps(Span other) => Until is { } until && other.Until is { } otherUntil && Since <= otherUntil && other.Since <= until;
    }
}
