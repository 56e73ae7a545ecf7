using System.Text.Json;
using Npgsql;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Membership;
using PgCluster.Engine.Nodes;

namespace PgCluster.Adapters.Postgres;

/// <content>What is asked of a server before its cluster is taken under management.</content>
public sealed partial class LocalPostgresServer
{
    private const string SurveySql = """
        SELECT json_build_object(
          'version', current_setting('server_version_num')::int,
          'started', pg_postmaster_start_time(),
          'rewind', current_setting('wal_log_hints') = 'on' OR current_setting('data_checksums') = 'on',
          'senders', current_setting('max_wal_senders')::int,
          'slots', current_setting('max_replication_slots')::int,
          'cluster_name', current_setting('cluster_name'),
          'connection', CASE WHEN pg_is_in_recovery() THEN coalesce((SELECT setting FROM pg_settings WHERE name = 'primary_conninfo'), '') END,
          'managers', (SELECT json_agg(DISTINCT application_name) FROM pg_stat_activity WHERE application_name ~* '^(patroni|repmgr|pg_auto|pgautofailover|stolon)')
        )::text
        """;

    private static readonly string[] Managers = ["patroni", "repmgrd", "pg_autoctl", "stolon-keeper", "pacemakerd", "pgsql-cluster-manager"];

    /// <inheritdoc/>
    public async Task<NodeSurvey> SurveyAsync(IReadOnlyList<UpstreamAddress> others, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(others);
        var survey = new NodeSurvey { Server = await ProbeAsync(cancellationToken).ConfigureAwait(false), ManagerPrograms = FindManagers() };
        if (survey.Server.Data == DataDirectoryState.Empty)
        {
            return survey with { NewServer = await SurveyNewAsync(cancellationToken).ConfigureAwait(false), Links = [] };
        }

        string? connection = null;
        if (survey.Server.State is NodeState.Running or NodeState.NotStreaming)
        {
            using var document = JsonDocument.Parse((await RunSqlAsync(SurveySql, _options.ConnectTimeout, cancellationToken).ConfigureAwait(false))!);
            var root = document.RootElement;
            connection = root.GetProperty("connection").GetString();
            survey = survey with
            {
                VersionNumber = root.GetProperty("version").GetInt32(),
                StartedAt = root.GetProperty("started").GetDateTimeOffset(),
                CanBeRewound = root.GetProperty("rewind").GetBoolean(),
                MaxWalSenders = root.GetProperty("senders").GetInt32(),
                MaxReplicationSlots = root.GetProperty("slots").GetInt32(),
                StreamsAs = connection is null ? null : StreamsAs(connection, root.GetProperty("cluster_name").GetString()!),
                ManagerSessions = root.GetProperty("managers") is { ValueKind: JsonValueKind.Array } managers ? [.. managers.EnumerateArray().Select(m => m.GetString()!)] : [],
            };
        }

        var links = await Task.WhenAll(others.Select(o => LookAcrossAsync(o, connection, cancellationToken))).ConfigureAwait(false);
        return survey with { Links = links };
    }

    /// <summary>The name a WAL receiver gives itself, where nothing else is set.</summary>
    internal static string StreamsAs(string connection, string clusterName) =>
        ConnectionInfo.TryParse(connection)?["application_name"] is { Length: > 0 } name ? name : clusterName.Length > 0 ? clusterName : "walreceiver";

    private async Task<SurveyedLink> LookAcrossAsync(UpstreamAddress other, string? connection, CancellationToken cancellationToken)
    {
        var conf = await ReadAutoConfAsync(cancellationToken).ConfigureAwait(false);
        var link = new UpstreamLink(_options, other, BuildConnectionInfo(ExistingConnectionInfo(conf) ?? connection, other));
        return new SurveyedLink(
            other.Name,
            await WhyNotAsync(() => link.IdentifyAsync(cancellationToken)).ConfigureAwait(false),
            await WhyNotAsync(async () =>
            {
                var session = await link.OpenAsync(cancellationToken).ConfigureAwait(false);
                await session.DisposeAsync().ConfigureAwait(false);
            }).ConfigureAwait(false));
    }

    private static async Task<string?> WhyNotAsync(Func<Task> attempt)
    {
        try
        {
            await attempt().ConfigureAwait(false);
            return null;
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or IOException or System.Net.Sockets.SocketException)
        {
            return Describe(e);
        }
    }

    /// <summary>Programs are known by their own name, or by that of the script they run.</summary>
    private static string[] FindManagers() =>
        [.. ProcessStat.AllPids().SelectMany(CommandWords).Select(w => Path.GetFileName(w)).Where(w => Managers.Contains(w, StringComparer.Ordinal)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    private static string[] CommandWords(int pid)
    {
        try
        {
            return [.. File.ReadAllText($"/proc/{pid.ToString(System.Globalization.CultureInfo.InvariantCulture)}/cmdline").Split('\0').Take(2)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended meanwhile, or is none of this user's business.
            return [];
        }
    }
}
