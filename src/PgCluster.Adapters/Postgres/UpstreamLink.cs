using System.Globalization;
using Npgsql;
using Npgsql.Replication;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Rejoin;

namespace PgCluster.Adapters.Postgres;

/// <summary>How this node reaches a server it is to follow: with what an operator put into primary_conninfo (sslmode and the like).</summary>
internal sealed class UpstreamLink
{
    private readonly LocalPostgresOptions _options;
    private readonly ConnectionInfo _replication;

    /// <param name="options">The node.</param>
    /// <param name="upstream">The server to reach.</param>
    /// <param name="primaryConnectionInfo">primary_conninfo as it would stand for that server.</param>
    internal UpstreamLink(LocalPostgresOptions options, UpstreamAddress upstream, string primaryConnectionInfo)
    {
        _options = options;
        Upstream = upstream;
        _replication = ConnectionInfo.TryParse(primaryConnectionInfo) ?? ConnectionInfo.Empty;
    }

    internal UpstreamAddress Upstream { get; }

    private ConnectionInfo Superuser => _replication.With("user", _options.User).With("dbname", _options.Database);

    /// <summary>
    /// For pg_basebackup, with the environment it needs: arguments can be read by everybody, so no password is among them.
    /// </summary>
    internal (string ConnectionInfo, Dictionary<string, string?> Environment) ReplicationArguments(string application) => Arguments(_replication, application);

    /// <summary>For pg_rewind, which reads files and so needs more than replication.</summary>
    internal (string ConnectionInfo, Dictionary<string, string?> Environment) SuperuserArguments(string application) => Arguments(Superuser, application);

    /// <summary>A connection as the superuser.</summary>
    internal async Task<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        var connection = new NpgsqlConnection(Build(Superuser, _options.Database));
        try
        {
            await connection.OpenAsync(cancellationToken).ConfigureAwait(false);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// Where the upstream is (IDENTIFY_SYSTEM, which says so of a standby as well) and how it came there: its history file, read by SQL, because Npgsql cannot
    /// read the answer that servers from 15 on give to TIMELINE_HISTORY.
    /// </summary>
    internal async Task<RejoinUpstream> ReadAsync(CancellationToken cancellationToken)
    {
        var system = await IdentifyAsync(cancellationToken).ConfigureAwait(false);
        return new RejoinUpstream(
            Upstream.Name, system.SystemId, await ReadHistoryAsync((int)system.Timeline, cancellationToken).ConfigureAwait(false), new Lsn((ulong)system.XLogPos));
    }

    /// <summary>IDENTIFY_SYSTEM, as a standby.</summary>
    internal async Task<ReplicationSystemIdentification> IdentifyAsync(CancellationToken cancellationToken)
    {
        // No database is connected to, and in a password file a standby looks its password up under that name.
        var replication = new PhysicalReplicationConnection(Build(_replication, "replication"));
        await using (replication.ConfigureAwait(false))
        {
            await replication.Open(cancellationToken).ConfigureAwait(false);
            return await replication.IdentifySystem(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>listen_addresses of the upstream.</summary>
    internal async Task<string> ReadListenAddressesAsync(CancellationToken cancellationToken)
    {
        var connection = await OpenAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            return await PostgresConnection.ScalarAsync(connection, "SELECT current_setting('listen_addresses')", cancellationToken).ConfigureAwait(false) ?? "";
        }
    }

    /// <summary>Bytes of its databases on disk, as the superuser sees them: what a base backup would bring over, without WAL.</summary>
    internal async Task<long> ReadSizeAsync(CancellationToken cancellationToken)
    {
        var connection = await OpenAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            var text = await PostgresConnection.ScalarAsync(
                connection, "SELECT sum(pg_tablespace_size(oid))::bigint FROM pg_tablespace", cancellationToken).ConfigureAwait(false);
            return long.Parse(text!, CultureInfo.InvariantCulture);
        }
    }

    private async Task<TimelineHistory> ReadHistoryAsync(int timeline, CancellationToken cancellationToken)
    {
        if (timeline == 1)
        {
            // The first timeline came from nowhere and has no file.
            return new TimelineHistory(1, []);
        }

        var connection = await OpenAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            var text = await PostgresConnection.ScalarAsync(
                connection, $"SELECT pg_read_file('pg_wal/{TimelineHistory.FileName(timeline)}')", cancellationToken).ConfigureAwait(false);
            return TimelineHistory.Parse(timeline, text!);
        }
    }

    private (string ConnectionInfo, Dictionary<string, string?> Environment) Arguments(ConnectionInfo info, string application)
    {
        var environment = new Dictionary<string, string?>
        {
            ["LC_ALL"] = "C",
            ["PGPASSWORD"] = PasswordOf(info),
        };
        return (info.With("password", "").With("application_name", application).With("connect_timeout", "10").ToString(), environment);
    }

    private string? PasswordOf(ConnectionInfo info) => info["password"] ?? (info["user"] == _options.User ? _options.Password : null);

    private string Build(ConnectionInfo info, string database)
    {
        var builder = new NpgsqlConnectionStringBuilder
        {
            Host = Upstream.Host,
            Port = Upstream.Port,
            Username = info["user"],
            Password = PasswordOf(info),
            Passfile = info["passfile"],
            Database = database,
            ApplicationName = PostgresConnection.ApplicationName,
            Timeout = Math.Max(1, (int)Math.Ceiling(_options.ConnectTimeout.TotalSeconds)),
            CommandTimeout = 0,
            CancellationTimeout = -1,
            Pooling = false,
            Enlist = false,
            TcpKeepAlive = true,
            GssEncryptionMode = GssEncryptionMode.Disable,
            SslMode = info["sslmode"] switch
            {
                "disable" => SslMode.Disable,
                "require" => SslMode.Require,
                "verify-ca" => SslMode.VerifyCA,
                "verify-full" => SslMode.VerifyFull,
                _ => SslMode.Prefer,
            },
            RootCertificate = info["sslrootcert"],
            SslCertificate = info["sslcert"],
            SslKey = info["sslkey"],
        };
        return builder.ConnectionString + ";Server Compatibility Mode=NoTypeLoading";
    }
}
