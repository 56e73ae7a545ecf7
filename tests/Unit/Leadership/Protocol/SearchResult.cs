using System.Globalization;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>What a search found: the violation with the moves that lead to it, or how far it came.</summary>
internal sealed record SearchResult(int States, string? Violation, IReadOnlyList<Move> Trace)
{
    /// <summary>In how many of the states two servers accepted writes.</summary>
    public int TwoWriters { get; init; }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{States} states: {Violation ?? "nothing found"}{string.Concat(Trace.Select((m, i) => string.Create(CultureInfo.InvariantCulture, $"\n{i + 1,3}. {m}")))}");
}
