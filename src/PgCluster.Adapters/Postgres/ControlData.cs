using System.Globalization;
using PgCluster.Adapters.Process;

namespace PgCluster.Adapters.Postgres;

/// <summary>Those fields of pg_control that a rejoin needs, as pg_controldata prints them. Not for the write gap: starting that program takes a while.</summary>
/// <param name="Control">State, identifier, checkpoint.</param>
/// <param name="MinRecovery">How far a standby has to replay to be consistent; 0/0 on a primary.</param>
/// <param name="MinRecoveryTimeline">Timeline of that; 0 on a primary.</param>
/// <param name="SegmentBytes">Size of a WAL segment.</param>
/// <param name="PageBytes">Size of a WAL page.</param>
/// <param name="CanBeRewound">wal_log_hints or data checksums were on when it last ran.</param>
internal sealed record ControlData(
    ControlFile Control, Lsn MinRecovery, int MinRecoveryTimeline, int SegmentBytes, int PageBytes, bool CanBeRewound)
{
    private static readonly TimeSpan ProgramTimeout = TimeSpan.FromSeconds(10);

    internal static async Task<ControlData> ReadAsync(
        string dataDirectory, string binDirectory, OsAccount? owner, TimeProvider time, CancellationToken cancellationToken) =>
        Parse(await ProgramRunner.RunCheckedAsync(
            new ProgramCommand(Path.Combine(binDirectory, "pg_controldata"), ["-D", dataDirectory])
            {
                Account = owner,

                // Its labels are translated otherwise.
                Environment = new Dictionary<string, string?> { ["LC_ALL"] = "C" },
            },
            Reason.PostgresUnavailable, ProgramTimeout, time, cancellationToken).ConfigureAwait(false));

    internal static ControlData Parse(string text)
    {
        var control = ControlFile.ParseText(text);
        var fields = text.Split('\n').Select(line => line.Split(':', 2)).Where(pair => pair.Length == 2)
            .GroupBy(pair => pair[0], StringComparer.Ordinal).ToDictionary(pairs => pairs.Key, pairs => pairs.First()[1].Trim(), StringComparer.Ordinal);
        string Field(string name) => fields.TryGetValue(name, out var value)
            ? value
            : throw new PgClusterException(Reason.PostgresUnavailable, $"pg_controldata says nothing of '{name}'.");
        int Number(string name) => int.Parse(Field(name), CultureInfo.InvariantCulture);
        return new ControlData(
            control,
            Lsn.Parse(Field("Minimum recovery ending location")),
            Number("Min recovery ending loc's timeline"),
            Number("Bytes per WAL segment"),
            Number("WAL block size"),
            Field("wal_log_hints setting") == "on" || Number("Data page checksum version") != 0);
    }
}
