using Npgsql;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>The row of the current database, for an operator.</summary>
public sealed class PostgresSwitchoverControl : ISwitchoverControl
{
    private readonly NpgsqlDataSource _source;
    private readonly SwitchoverGuards _guards;

    /// <summary>Makes it.</summary>
    /// <param name="source">The current database, directly or through a pooler in session mode; the caller disposes it.</param>
    /// <param name="limits">Limits of the guards.</param>
    public PostgresSwitchoverControl(NpgsqlDataSource source, SwitchoverLimits limits)
    {
        _source = source;
        _guards = new SwitchoverGuards(limits);
    }

    /// <inheritdoc />
    public async Task<SwitchoverPointer> ReadPointerAsync(CancellationToken cancellationToken)
    {
        var connection = await _source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            var row = await SwitchoverObjects.ReadAsync(connection, cancellationToken).ConfigureAwait(false);
            return row?.Pointer ?? throw new PgClusterException(
                Reason.InvalidConfiguration, $"The database has no schema {SwitchoverSql.Schema}: no switchover was prepared in it.");
        }
    }

    /// <inheritdoc />
    public async Task EndRunAsync(CancellationToken cancellationToken)
    {
        var connection = await _source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            try
            {
                await _guards.HoldAsync(connection, SwitchoverGuard.SessionWaiting, cancellationToken).ConfigureAwait(false);
                var command = new NpgsqlCommand(
                    "update pgcluster_switchover.state set current_state = 'idle', changed_at = now() where current_state = 'in_progress'", connection);
                await using (command.ConfigureAwait(false))
                {
                    await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
                }
            }
            finally
            {
                await ReleaseAsync(connection).ConfigureAwait(false);
            }
        }
    }

    /// <summary>A pooled connection keeps its session, and with it the locks, until somebody uses it again.</summary>
    private async Task ReleaseAsync(NpgsqlConnection connection)
    {
        try
        {
            var command = new NpgsqlCommand("select pg_advisory_unlock_all()", connection);
            await using (command.ConfigureAwait(false))
            {
                await command.ExecuteNonQueryAsync(CancellationToken.None).ConfigureAwait(false);
            }
        }
        catch (NpgsqlException)
        {
            // What cannot be asked to let go is closed when it comes back to the pool.
            _source.Clear();
        }
    }
}
