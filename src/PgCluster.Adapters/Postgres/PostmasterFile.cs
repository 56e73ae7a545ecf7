using System.Globalization;

namespace PgCluster.Adapters.Postgres;

/// <summary>What postmaster.pid says. It outlives a killed postmaster, so nothing in it is true without a look at the process.</summary>
/// <param name="Pid">Process id of the postmaster.</param>
/// <param name="Port">TCP port; 0 when not written yet.</param>
/// <param name="SharedMemoryId">Identifier of its System V segment; -1 when not written yet.</param>
/// <param name="Status">starting, stopping, ready (accepts connections) or standby (not yet consistent); empty when not written yet.</param>
public sealed record PostmasterFile(int Pid, int Port, int SharedMemoryId, string Status)
{
    internal const string FileName = "postmaster.pid";

    /// <summary>Reads it from a data directory; null when it is missing or not yet written.</summary>
    public static PostmasterFile? Read(string dataDirectory)
    {
        try
        {
            return Parse(File.ReadAllText(Path.Combine(dataDirectory, FileName)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    internal static PostmasterFile? Parse(string text)
    {
        var lines = text.Split('\n');
        string Line(int number) => number <= lines.Length ? lines[number - 1].Trim() : "";
        int Number(string value, int missing) => int.TryParse(value, NumberStyles.Integer, CultureInfo.InvariantCulture, out var n) ? n : missing;

        // A stand-alone backend writes its number negated; it is no postmaster.
        return Number(Line(1), 0) is > 0 and var pid
            ? new PostmasterFile(
                pid, Number(Line(4), 0), Number(Line(7).Split(' ', StringSplitOptions.RemoveEmptyEntries).LastOrDefault() ?? "", -1), Line(8))
            : null;
    }
}
