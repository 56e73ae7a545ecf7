namespace PgCluster.Bench;

/// <summary>Measured values and what is said of them.</summary>
internal sealed record Samples(string Name, string Unit, IReadOnlyList<double> Values)
{
    public double Median => Percentile(0.5);

    public double P99 => Percentile(0.99);

    public double Minimum => Values.Min();

    public double Maximum => Values.Max();

    /// <summary>The value below which that share of the samples lies; between two of them in proportion.</summary>
    public double Percentile(double share)
    {
        var sorted = Values.Order().ToArray();
        var place = share * (sorted.Length - 1);
        var below = (int)place;
        return below + 1 < sorted.Length ? sorted[below] + ((place - below) * (sorted[below + 1] - sorted[below])) : sorted[below];
    }

    /// <summary>As it stands in the JSON object.</summary>
    public object ToJson() => new { median = Round(Median), p99 = Round(P99), min = Round(Minimum), max = Round(Maximum), unit = Unit, samples = Values.Select(Round) };

    public static double Round(double value) => Math.Round(value, 3);
}
