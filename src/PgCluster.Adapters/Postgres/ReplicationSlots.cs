using System.Text.Json;
using Npgsql;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Rejoin;

namespace PgCluster.Adapters.Postgres;

/// <summary>The physical slots of one server that keep WAL for the cluster's nodes.</summary>
internal sealed class ReplicationSlots
{
    private const string List = $"""
        SELECT coalesce(json_agg(json_build_object('name', slot_name, 'active', active, 'lost', coalesce(wal_status = 'lost', false),
          'restart', restart_lsn)), '[]')::text
        FROM pg_replication_slots WHERE slot_type = 'physical' AND NOT temporary AND starts_with(slot_name, '{SlotName.Prefix}')
        """;

    private readonly Func<string, CancellationToken, Task<string?>> _run;

    /// <param name="run">Runs a statement and returns the first column of its first row; throws what Npgsql throws.</param>
    internal ReplicationSlots(Func<string, CancellationToken, Task<string?>> run) => _run = run;

    internal async Task EnsureAsync(IEnumerable<string> nodes, CancellationToken cancellationToken)
    {
        var wanted = SlotName.OfAll(nodes).Values.ToHashSet(StringComparer.Ordinal);
        var there = await ReadAsync(cancellationToken).ConfigureAwait(false);
        foreach (var slot in there.Where(slot => !slot.Active && (slot.Lost || !wanted.Contains(slot.Name))))
        {
            await TryAsync($"SELECT pg_drop_replication_slot('{slot.Name}')::text", cancellationToken).ConfigureAwait(false);
        }

        foreach (var name in wanted.Except(there.Where(slot => slot.Active || !slot.Lost).Select(slot => slot.Name)))
        {
            // Reserved at once: a slot that was never used keeps nothing otherwise.
            await TryAsync($"SELECT pg_create_physical_replication_slot('{name}', true)::text", cancellationToken).ConfigureAwait(false);
        }
    }

    internal async Task AdvanceAsync(IReadOnlyList<ReplicationSlot> primarySlots, CancellationToken cancellationToken)
    {
        const string RestartPoint = "SELECT redo_lsn::text FROM pg_control_checkpoint() WHERE pg_is_in_recovery()";
        if (!Lsn.TryParse(await _run(RestartPoint, cancellationToken).ConfigureAwait(false), out var restartPoint))
        {
            return;
        }

        foreach (var slot in await ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            var target = primarySlots.FirstOrDefault(other => !other.Logical && other.Name == slot.Name)?.RestartLsn ?? restartPoint;
            if (!slot.Active && slot.RestartLsn is { } at && at < target)
            {
                await TryAsync(
                    $"SELECT pg_replication_slot_advance('{slot.Name}', '{target}')::text FROM pg_replication_slots WHERE slot_name = '{slot.Name}' AND restart_lsn < '{target}' AND pg_last_wal_replay_lsn() > restart_lsn",
                    cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<IReadOnlyList<Row>> ReadAsync(CancellationToken cancellationToken)
    {
        using var document = JsonDocument.Parse((await _run(List, cancellationToken).ConfigureAwait(false))!);
        return [.. document.RootElement.EnumerateArray().Select(row => new Row(
            row.GetProperty("name").GetString()!,
            row.GetProperty("active").GetBoolean(),
            row.GetProperty("lost").GetBoolean(),
            Lsn.TryParse(row.GetProperty("restart").GetString(), out var lsn) ? lsn : null))];
    }

    private async Task TryAsync(string sql, CancellationToken cancellationToken)
    {
        try
        {
            await _run(sql, cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException e)
            when (e.SqlState is PostgresErrorCodes.ObjectInUse or PostgresErrorCodes.UndefinedObject or PostgresErrorCodes.DuplicateObject)
        {
            // Somebody streams through it by now, or was faster: the next call sees how it is.
        }
    }

    private sealed record Row(string Name, bool Active, bool Lost, Lsn? RestartLsn);
}
