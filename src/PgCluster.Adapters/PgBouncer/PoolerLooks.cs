using PgCluster.Engine.Pooling;

namespace PgCluster.Adapters.PgBouncer;

/// <summary>Reads a <see cref="PoolerLook"/> from a console.</summary>
internal static class PoolerLooks
{
    private static readonly string[] Questions = ["SHOW CONFIG", "SHOW DATABASES", "SHOW CLIENTS", "SHOW SERVERS"];

    /// <exception cref="ServerErrorException">The console refused.</exception>
    /// <exception cref="IOException">It ended.</exception>
    internal static async Task<PoolerLook> ReadAsync(WireConnection console, CancellationToken cancellationToken)
    {
        var answers = await console.QueryAllAsync(Questions, cancellationToken).ConfigureAwait(false);
        foreach (var answer in answers)
        {
            answer.ThrowIfError();
        }

        var (config, clients, servers) = (answers[0], answers[2], answers[3]);
        var underTls = Rows(servers).Where(row => IsTls(servers, row)).Select(row => servers.Text(row, "ptr") ?? "").ToHashSet(StringComparer.Ordinal);
        var served = Rows(clients).Where(row => clients.Text(row, "database") != PoolerDatabase.ConsoleName).ToArray();
        return new PoolerLook
        {
            Version = console.Parameters.TryGetValue("server_version", out var version) ? version.Split('/')[0] : "",
            Settings = Rows(config).ToDictionary(row => config.Text(row, "key") ?? "", row => config.Text(row, "value") ?? "", StringComparer.Ordinal),
            Databases = PgBouncerConsole.ReadDatabases(answers[1]),
            Clients = [.. served.Select(row => $"{clients.Text(row, "addr")}:{clients.Text(row, "port")}:{clients.Text(row, "remote_pid")}")],
            Servers = [.. Rows(servers).Select(row => $"{servers.Text(row, "local_addr")}:{servers.Text(row, "local_port")}:{servers.Text(row, "remote_pid")}")],
            Waiting = served.Count(row => clients.Text(row, "state")?.StartsWith("waiting", StringComparison.Ordinal) ?? false),
            Dropped = served.Count(row => IsTls(clients, row) || underTls.Contains(clients.Text(row, "link") ?? "")),
            WithPrepared = served.Count(row => clients.Number(row, "prepared_statements") > 0),
        };
    }

    private static IEnumerable<int> Rows(QueryResult result) => Enumerable.Range(0, result.RowCount);

    private static bool IsTls(QueryResult result, int row) => !string.IsNullOrEmpty(result.Text(row, "tls"));
}
