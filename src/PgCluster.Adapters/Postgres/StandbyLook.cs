using System.Text.Json;
using Npgsql;

namespace PgCluster.Adapters.Postgres;

/// <summary>What a seal watches of a standby.</summary>
/// <param name="ConnectionInfo">primary_conninfo as the session sees it.</param>
/// <param name="StartupPid">The process that replays; 0 when there is none: it is no standby.</param>
/// <param name="StartupWaitsFor">What that process waits for, as pg_stat_activity has it; empty when it does not wait.</param>
/// <param name="ReceiverPid">The WAL receiver; 0 when there is none.</param>
/// <param name="ReceiverTimeline">Timeline it receives; 0 when unknown.</param>
/// <param name="Received">Where the WAL on disk ends, as far as the server knows.</param>
/// <param name="Replayed">Where replay is.</param>
internal sealed record StandbyLook(
    string ConnectionInfo, int StartupPid, string StartupWaitsFor, int ReceiverPid, int ReceiverTimeline, Lsn Received, Lsn Replayed)
{
    private const string Sql = """
        SELECT json_build_object(
          'conninfo', current_setting('primary_conninfo'),
          'startup', (SELECT json_build_object('pid', pid, 'waits', coalesce(wait_event_type || ' ' || wait_event, ''))
            FROM pg_stat_activity WHERE backend_type = 'startup'),
          'receiver', (SELECT pid FROM pg_stat_activity WHERE backend_type = 'walreceiver' LIMIT 1),
          'timeline', (SELECT received_tli FROM pg_stat_wal_receiver),
          'received', pg_last_wal_receive_lsn(), 'replayed', pg_last_wal_replay_lsn())::text
        """;

    // Control file and minimum recovery point follow a new timeline late; the segments it received do not. Whoever streams a timeline has fetched its history first: a segment without one is what a rewind
    // has left of a timeline that was given up, and would make this standby look newer than those that have more.
    internal const string NewestTimeline = """
        SELECT greatest(c.timeline_id, m.min_recovery_end_timeline,
          (SELECT max(('x' || substr(s.name, 1, 8))::bit(32)::int) FROM pg_ls_waldir() s JOIN pg_ls_waldir() h ON h.name = substr(s.name, 1, 8) || '.history'
            WHERE s.name ~ '^[0-9A-F]{24}$'))
        FROM pg_control_checkpoint() c, pg_control_recovery() m
        """;

    internal static async Task<StandbyLook> TakeAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var json = await PostgresConnection.ScalarAsync(connection, Sql, cancellationToken).ConfigureAwait(false);
        using var document = JsonDocument.Parse(json!);
        var root = document.RootElement;
        var startup = root.GetProperty("startup");
        var hasStartup = startup.ValueKind == JsonValueKind.Object;
        var received = Read("received");
        var replayed = Read("replayed");
        return new StandbyLook(
            root.GetProperty("conninfo").GetString()!,
            hasStartup ? startup.GetProperty("pid").GetInt32() : 0,
            hasStartup ? startup.GetProperty("waits").GetString()! : "",
            Number("receiver"),
            Number("timeline"),
            received > replayed ? received : replayed,
            replayed);

        int Number(string name) => root.GetProperty(name) is { ValueKind: JsonValueKind.Number } value ? value.GetInt32() : 0;
        Lsn Read(string name) => Lsn.TryParse(root.GetProperty(name).GetString(), out var lsn) ? lsn : Lsn.Zero;
    }

    /// <summary>The last timeline this standby received or replayed anything of.</summary>
    internal static async Task<int> ReadTimelineAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        int.Parse(
            (await PostgresConnection.ScalarAsync(connection, $"SELECT ({NewestTimeline})::text", cancellationToken).ConfigureAwait(false))!,
            System.Globalization.CultureInfo.InvariantCulture);
}
