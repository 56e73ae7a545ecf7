using System.Globalization;
using System.Text.Json;
using PgCluster.Engine.Nodes;

namespace PgCluster.Adapters.Postgres;

/// <summary>Everything an agent wants to know of a running server, in one statement and one answer.</summary>
internal static class ProbeQuery
{
    // A whole row becomes JSON where a column came with a later version (pg_replication_slots, 17): naming it would fail before. Failover is how
    // a primary marks a slot that its standbys copy; synced is how a standby marks its copy.
    // While a standby streams its receiver says the timeline, and a long list of segments is not read.
    internal const string Sql = $"""
        SELECT json_build_object(
          'recovery', r.recovery,
          'version', current_setting('server_version'),
          'system', (SELECT system_identifier::text FROM pg_control_system()),
          'walfile', CASE WHEN NOT r.recovery THEN pg_walfile_name(pg_current_wal_lsn()) END,
          'written', CASE WHEN NOT r.recovery THEN pg_current_wal_lsn() END,
          'timeline', CASE WHEN r.recovery AND w.status IS DISTINCT FROM 'streaming' THEN ({StandbyLook.NewestTimeline}) END,
          'received', CASE WHEN r.recovery THEN pg_last_wal_receive_lsn() END,
          'replayed', CASE WHEN r.recovery THEN pg_last_wal_replay_lsn() END,
          'replay_age', CASE WHEN r.recovery THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END,
          'paused', CASE WHEN r.recovery THEN pg_is_wal_replay_paused() ELSE false END,
          'apply_delay', extract(epoch FROM current_setting('recovery_min_apply_delay')::interval) * 1000,
          'upstream_slot', current_setting('primary_slot_name'),
          'sync_names', current_setting('synchronous_standby_names'),
          'receiver', CASE WHEN w.pid IS NOT NULL THEN json_build_object('status', w.status, 'timeline', w.received_tli, 'host', w.sender_host, 'port', w.sender_port) END,
          'standbys', (SELECT json_agg(json_build_object('name', application_name, 'state', state, 'sync', sync_state,
            'sent', sent_lsn, 'flush', flush_lsn, 'replay', replay_lsn) ORDER BY application_name) FROM pg_stat_replication),
          'slots', (SELECT json_agg(json_build_object('name', slot_name, 'logical', slot_type = 'logical', 'active', active,
            'restart', restart_lsn, 'synced', coalesce((to_jsonb(s) ->> CASE WHEN r.recovery THEN 'synced' ELSE 'failover' END)::boolean, false)) ORDER BY slot_name)
            FROM pg_replication_slots s WHERE NOT temporary),
          'settings', (SELECT json_build_object(
            'slot_keep', (max(setting) FILTER (WHERE name = 'max_slot_wal_keep_size'))::int,
            'limits', json_object_agg(name, setting) FILTER (WHERE name IN ('max_connections', 'max_worker_processes', 'max_wal_senders',
              'max_prepared_transactions', 'max_locks_per_transaction')),
            'pending', json_agg(json_build_object('name', name, 'value', setting) ORDER BY name) FILTER (WHERE pending_restart))
            FROM pg_settings),
          'archiving', CASE WHEN current_setting('archive_mode') <> 'off' THEN (SELECT json_build_object(
            'waiting', (SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'),
            'failing', coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false)) FROM pg_stat_archiver) END
        )::text
        FROM (SELECT pg_is_in_recovery() AS recovery) r LEFT JOIN pg_stat_wal_receiver w ON true
        """;

    // A view of its own, because only a superuser may name it: what was taken out of the files goes back to its default.
    internal const string PendingSql = """
        SELECT json_object_agg(s.name, coalesce(f.setting, s.boot_val))::text
        FROM pg_settings s LEFT JOIN LATERAL
          (SELECT setting FROM pg_file_settings f WHERE lower(f.name) = s.name ORDER BY seqno DESC LIMIT 1) f ON true
        WHERE s.pending_restart
        """;

    /// <summary>Adds to the settings that wait for a restart what <see cref="PendingSql"/> says of them.</summary>
    internal static PostgresStatus WithPending(PostgresStatus status, string? json)
    {
        if (json is null)
        {
            return status;
        }

        using var document = JsonDocument.Parse(json);
        var values = document.RootElement;
        return status with
        {
            PendingSettings = [.. status.PendingSettings.Select(s => s with { NewValue = values.TryGetProperty(s.Name, out var value) ? value.GetString() : null })],
        };
    }

    internal static PostgresStatus Parse(string json, int postmasterPid)
    {
        using var document = JsonDocument.Parse(json);
        var root = document.RootElement;
        var isStandby = root.GetProperty("recovery").GetBoolean();
        var receiver = Object(root, "receiver");
        var archiving = Object(root, "archiving");
        var settings = root.GetProperty("settings");
        var common = new PostgresStatus
        {
            State = NodeState.Running,
            Role = isStandby ? NodeRole.Standby : NodeRole.Primary,
            PostmasterPid = postmasterPid,
            Data = DataDirectoryState.Cluster,
            ServerVersion = root.GetProperty("version").GetString()!.Split(' ')[0],
            SystemIdentifier = root.GetProperty("system").GetString(),
            SynchronousStandbyNames = root.GetProperty("sync_names").GetString()!,
            UpstreamSlot = root.GetProperty("upstream_slot").GetString()!,
            ReplayPaused = root.GetProperty("paused").GetBoolean(),
            ApplyDelayMs = (int)root.GetProperty("apply_delay").GetDouble(),
            Standbys = [.. Rows(root, "standbys").Select(ParseStandby)],
            Slots = [.. Rows(root, "slots").Select(ParseSlot)],
            SlotWalKeepMegabytes = settings.GetProperty("slot_keep").GetInt32(),
            HotStandbyLimits = settings.GetProperty("limits").EnumerateObject().ToDictionary(
                s => s.Name, s => long.Parse(s.Value.GetString()!, CultureInfo.InvariantCulture), StringComparer.Ordinal),
            PendingSettings = [.. Rows(settings, "pending").Select(s => new PendingSetting(s.GetProperty("name").GetString()!, s.GetProperty("value").GetString() ?? "", null))],
            ArchiveBacklog = archiving?.GetProperty("waiting").GetInt32() ?? 0,
            ArchiverFailing = archiving?.GetProperty("failing").GetBoolean() ?? false,
        };
        return isStandby ? AsStandby(common, root, receiver) : AsPrimary(common, root);
    }

    private static PostgresStatus AsPrimary(PostgresStatus status, JsonElement root)
    {
        // The first eight digits of a segment's name are its timeline; pg_control keeps the old one until the checkpoint after a promotion.
        var timeline = int.Parse(
            root.GetProperty("walfile").GetString().AsSpan(0, 8), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        var lsn = ReadLsn(root, "written");
        return status with
        {
            Timeline = timeline,
            Lsn = lsn,
            Evidence = string.Create(CultureInfo.InvariantCulture, $"accepts writes on timeline {timeline} at {lsn}"),
        };
    }

    private static PostgresStatus AsStandby(PostgresStatus status, JsonElement root, JsonElement? receiver)
    {
        var received = ReadLsn(root, "received");
        var replayed = ReadLsn(root, "replayed");
        var receiverStatus = receiver?.GetProperty("status").GetString();
        var streaming = receiverStatus == "streaming";
        var timeline = streaming ? receiver!.Value.GetProperty("timeline").GetInt32() : root.GetProperty("timeline").GetInt32();

        // After a restart a receiver begins at the start of a segment, behind what has been replayed already.
        var position = received is { } r && (replayed is not { } p || r > p) ? received : replayed;
        var upstream = streaming && receiver!.Value.GetProperty("host").GetString() is { } host
            ? string.Create(CultureInfo.InvariantCulture, $"{host}:{receiver.Value.GetProperty("port").GetInt32()}")
            : null;
        return status with
        {
            State = streaming ? NodeState.Running : NodeState.NotStreaming,
            Timeline = timeline,
            Lsn = position,
            ReplayLsn = replayed,
            ReplayLagSeconds = position is { } at && replayed < at ? ReadDouble(root, "replay_age") : streaming ? 0 : null,
            UpstreamAddress = upstream,
            Evidence = streaming
                ? string.Create(CultureInfo.InvariantCulture, $"streams from {upstream ?? "a Unix socket"} on timeline {timeline}, received {position}, replayed {replayed}")
                : string.Create(CultureInfo.InvariantCulture, $"does not stream (WAL receiver {receiverStatus ?? "not running"}), timeline {timeline}, received {position}, replayed {replayed}"),
        };
    }

    private static ReplicationPeer ParseStandby(JsonElement row) => new(
        row.GetProperty("name").GetString()!,
        row.GetProperty("state").GetString() ?? "",
        row.GetProperty("sync").GetString() switch
        {
            "sync" => SyncState.Sync,
            "potential" => SyncState.Potential,
            "quorum" => SyncState.Quorum,
            "async" => SyncState.Async,
            _ => SyncState.None,
        },
        ReadLsn(row, "sent"),
        ReadLsn(row, "flush"),
        ReadLsn(row, "replay"));

    private static ReplicationSlot ParseSlot(JsonElement row) => new(
        row.GetProperty("name").GetString()!,
        row.GetProperty("logical").GetBoolean(),
        row.GetProperty("active").GetBoolean(),
        row.GetProperty("synced").GetBoolean())
    {
        RestartLsn = ReadLsn(row, "restart"),
    };

    private static JsonElement? Object(JsonElement parent, string name) =>
        parent.GetProperty(name) is { ValueKind: JsonValueKind.Object } value ? value : null;

    private static JsonElement.ArrayEnumerator Rows(JsonElement parent, string name) =>
        parent.GetProperty(name) is { ValueKind: JsonValueKind.Array } value ? value.EnumerateArray() : default;

    private static Lsn? ReadLsn(JsonElement parent, string name) =>
        parent.GetProperty(name).GetString() is { } text ? Lsn.Parse(text) : null;

    private static double? ReadDouble(JsonElement parent, string name) =>
        parent.GetProperty(name) is { ValueKind: JsonValueKind.Number } value ? Math.Max(0, value.GetDouble()) : null;
}
