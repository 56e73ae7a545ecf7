using System.Globalization;

namespace PgCluster.Engine.Switchover;

/// <summary>What a comparison of the copy with the source found.</summary>
/// <param name="Mode">How much was compared.</param>
/// <param name="Tables">Tables compared.</param>
/// <param name="Rows">Rows counted on the source.</param>
/// <param name="RowsCompared">Rows of the source whose content was compared.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Differences">What differs; none when the copy is right.</param>
public sealed record CopyVerification(
    SwitchoverVerify Mode, int Tables, long Rows, long RowsCompared, double Seconds, IReadOnlyList<CopyDifference> Differences)
{
    /// <summary>True when nothing differs.</summary>
    public bool Verified => Differences.Count == 0;

    /// <summary>What a report says of it.</summary>
    public string Text => string.Create(
        CultureInfo.InvariantCulture,
        $"{Tables} tables with {Rows} rows compared, the content of {RowsCompared} of them, in {Seconds:0.0} s: ")
        + (Verified ? "no difference" : string.Join("; ", Differences.Select(
            d => $"{d.Table} has {d.What} {d.Source} on the source and {d.Target} on the target")));
}
