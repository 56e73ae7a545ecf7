using System.Globalization;
using System.Text.Json;

namespace PgCluster.Bench;

/// <summary>Tables for people on standard output, or one JSON object in their place; what happens meanwhile goes to standard error.</summary>
internal static class BenchOutput
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static void Progress(string text) => Console.Error.WriteLine(text);

    public static void Table(IReadOnlyList<string> head, IEnumerable<IReadOnlyList<object>> rows)
    {
        var lines = rows.Select(row => row.Select(Text).ToArray()).ToList();
        var widths = head.Select((name, i) => Math.Max(name.Length, lines.Count == 0 ? 0 : lines.Max(line => line[i].Length))).ToArray();
        Console.Out.WriteLine(string.Join("  ", head.Select((name, i) => i == 0 ? name.PadRight(widths[i]) : name.PadLeft(widths[i]))));
        Console.Out.WriteLine(string.Join("  ", widths.Select(width => new string('-', width))));
        foreach (var line in lines)
        {
            Console.Out.WriteLine(string.Join("  ", line.Select((cell, i) => i == 0 ? cell.PadRight(widths[i]) : cell.PadLeft(widths[i]))));
        }

        Console.Out.WriteLine();
    }

    public static void Table(params Samples[] samples) => Table(
        ["", "n", "median", "min", "p99", "max", "unit"],
        samples.Select(s => (IReadOnlyList<object>)[s.Name, s.Values.Count, s.Median, s.Minimum, s.P99, s.Maximum, s.Unit]));

    public static void Object(object value) => Console.Out.WriteLine(JsonSerializer.Serialize(value, Json));

    /// <summary>When, and on what: figures of different machines do not compare.</summary>
    public static object Machine() => new
    {
        date = TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        cores = Environment.ProcessorCount,
        load_average = File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : null,
    };

    /// <summary>The same for people.</summary>
    public static string MachineText() => string.Create(
        CultureInfo.InvariantCulture,
        $"{TimeProvider.System.GetUtcNow():yyyy-MM-dd}, {Environment.ProcessorCount} cores, load {(File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : "not known")} when it began");

    private static string Text(object cell) => cell switch
    {
        double number => number.ToString(Math.Abs(number) < 10 ? "0.00" : "0.0", CultureInfo.InvariantCulture),
        IFormattable other => other.ToString(null, CultureInfo.InvariantCulture),
        _ => cell.ToString() ?? "",
    };
}
