using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Topology;

namespace PgCluster.Adapters.Postgres;

/// <summary>
/// Asks the servers of a cluster themselves, as the role and in the database that its agents use. The password, where one is needed, is looked up as libpq does it:
/// postgres.password_file, PGPASSWORD, PGPASSFILE, ~/.pgpass.
/// </summary>
/// <param name="config">The cluster.</param>
/// <param name="time">The clock.</param>
public sealed class ServerProbe(ClusterConfig config, TimeProvider time) : IServerProbe
{
    internal const string ApplicationName = "pgcluster-watch";

    // The first eight digits of a segment's name are the timeline that is written.
    private const string LookSql =
        "SELECT CASE WHEN NOT pg_is_in_recovery() THEN substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || ' ' || pg_current_wal_lsn() ELSE '' END";

    private const string SettingsSql = """
        SELECT concat_ws(' ', current_setting('wal_log_hints'), current_setting('data_checksums'),
          (SELECT setting FROM pg_settings WHERE name = 'wal_retrieve_retry_interval'))
        """;

    private readonly ConcurrentDictionary<string, Lazy<PostgresConnection>> _servers = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public async Task<ServerLook> LookAsync(NodeConfig node, TimeSpan budget, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(node);
        try
        {
            var text = await Server(node).ScalarAsync(LookSql, budget, cancellationToken).ConfigureAwait(false) ?? "";
            return text.Length == 0
                ? Look(ServerAnswer.Standby)
                : Look(ServerAnswer.Writes) with
                {
                    Timeline = int.Parse(text.AsSpan(0, 8), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture),
                    Lsn = Lsn.Parse(text[9..]),
                };
        }
        catch (Exception e) when (IsSilence(e))
        {
            return Look(IsRefusal(e) ? ServerAnswer.Refused : ServerAnswer.Silent) with { Detail = e.Message };
        }

        ServerLook Look(ServerAnswer answer) => new(node.Name, answer, TimeSpan.Zero, TimeSpan.Zero);
    }

    /// <inheritdoc/>
    public async Task<ServerSettings> ReadSettingsAsync(NodeConfig node, TimeSpan budget, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(node);
        try
        {
            var words = (await Server(node).ScalarAsync(SettingsSql, budget, cancellationToken).ConfigureAwait(false) ?? "").Split(' ');
            return new ServerSettings(words[0] == "on", words[1] == "on", TimeSpan.FromMilliseconds(int.Parse(words[2], CultureInfo.InvariantCulture)));
        }
        catch (Exception e) when (IsSilence(e))
        {
            throw new PgClusterException(Reason.PostgresUnavailable, $"the server of {node.Name} does not answer SQL from here: {e.Message}", e) { Target = node.Name };
        }
    }

    /// <summary>Closes every connection.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers.Values.Where(s => s.IsValueCreated))
        {
            await server.Value.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static bool IsSilence(Exception e) => e is NpgsqlException or TimeoutException or SocketException or IOException;

    /// <summary>True when asking again from here cannot help: the login, its database or its password.</summary>
    private static bool IsRefusal(Exception e) => e switch
    {
        PostgresException { SqlState: [.. var group, _, _, _] } => group is "28" or "3D" or "42",

        // What the driver finds by itself, without a fault of the network below: no password for a server that wants one.
        NpgsqlException { InnerException: null, IsTransient: false } => true,
        _ => false,
    };

    private PostgresConnection Server(NodeConfig node) => _servers.GetOrAdd(node.Name, _ => new Lazy<PostgresConnection>(() => new PostgresConnection(
        new LocalPostgresOptions
        {
            NodeName = node.Name,
            Host = node.Host,
            Port = node.Port,
            DataDirectory = node.DataDirectory,
            User = config.Postgres.User,
            Database = config.Postgres.Database,
            ConnectTimeout = config.Postgres.ConnectTimeout,
        },
        time,
        NullLogger.Instance,
        ApplicationName,
        config.Postgres.PasswordFile.Length > 0 ? config.Postgres.PasswordFile : null))).Value;
}
