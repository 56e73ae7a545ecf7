using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace PgCluster.Tests.Integration.Measurement;

/// <summary>One PostgreSQL and one PgBouncer in transaction mode before it, for writers to write to.</summary>
public sealed class GapServer : IAsyncLifetime
{
    private const string Bin = "/usr/lib/postgresql/15/bin";
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(30);

    private readonly string _root = Directory.CreateTempSubdirectory("pgc-gap-").FullName;
    private readonly int _port = FreePort();
    private readonly int _poolerPort = FreePort();
    private Process? _pooler;

    public string DirectUri => $"postgresql://postgres@127.0.0.1:{_port}/postgres?sslmode=disable";

    public string PoolerUri => $"postgresql://postgres@127.0.0.1:{_poolerPort}/postgres?sslmode=disable";

    private string Data => Path.Combine(_root, "data");

    public async ValueTask InitializeAsync()
    {
        if (Environment.UserName == "root")
        {
            await RunAsync("chown", "postgres", _root);
        }

        await RunAsUserAsync($"{Bin}/initdb", "-D", Data, "-U", "postgres", "-A", "trust", "--no-sync", "--no-instructions");
        await StartAsync();
        var ini = Path.Combine(_root, "pgbouncer.ini");
        await File.WriteAllTextAsync(ini, $"""
            [databases]
            postgres = host=127.0.0.1 port={_port} user=postgres
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {_poolerPort}
            unix_socket_dir =
            auth_type = any
            pool_mode = transaction
            default_pool_size = 20
            admin_users = postgres
            """);
        var start = AsUser("/usr/sbin/pgbouncer", "-q", ini);
        start.RedirectStandardError = start.RedirectStandardOutput = true;
        _pooler = Process.Start(start)!;
        _pooler.OutputDataReceived += (_, _) => { };
        _pooler.ErrorDataReceived += (_, _) => { };
        _pooler.BeginOutputReadLine();
        _pooler.BeginErrorReadLine();
        await UntilAsync("PgBouncer serves", async () =>
        {
            try
            {
                return await QueryAsync(PoolerPort, "select 1") == "1";
            }
            catch (NpgsqlException)
            {
                return false;
            }
        });
    }

    public int PoolerPort => _poolerPort;

    public Task StartAsync() => RunAsUserAsync(
        $"{Bin}/pg_ctl", "start", "-w", "-D", Data, "-l", Path.Combine(_root, "postgres.log"), "-o",
        $"-p {_port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c shared_buffers=16MB -c dynamic_shared_memory_type=mmap -c fsync=off");

    public Task StopAsync(string mode) => RunAsUserAsync($"{Bin}/pg_ctl", "stop", "-w", "-D", Data, "-m", mode);

    /// <summary>A command of PgBouncer's console.</summary>
    public Task<string> AdminAsync(string command) => RunAsync(
        $"{Bin}/psql", "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", _poolerPort.ToString(CultureInfo.InvariantCulture), "-U", "postgres", "-d", "pgbouncer", "-c", command);

    /// <summary>How many clients wait for a server connection.</summary>
    public async Task<int> WaitingAsync() => (await AdminAsync("SHOW POOLS")).Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(line => line.Split('|')).Where(pool => pool[0] == "postgres").Sum(pool => int.Parse(pool[3], CultureInfo.InvariantCulture));

    public Task<string?> QueryAsync(string sql) => QueryAsync(_port, sql);

    /// <summary>The table of the one measurement that runs.</summary>
    public async Task<string> GapTableAsync() => (await QueryAsync("select relname from pg_class where relkind = 'r' and relname like 'pgcluster\\_write\\_gap\\_%'"))!;

    public async Task UntilAsync(string what, Func<Task<bool>> isSo)
    {
        var began = Stopwatch.GetTimestamp();
        while (!await isSo())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Budget, $"not within {Budget}: {what}");
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_pooler is not null)
        {
            _pooler.Kill();
            await _pooler.WaitForExitAsync();
            _pooler.Dispose();
        }

        if (File.Exists(Path.Combine(Data, "postmaster.pid")))
        {
            await StopAsync("immediate");
        }

        Directory.Delete(_root, recursive: true);
    }

    private static async Task<string?> QueryAsync(int port, string sql)
    {
        await using var connection = new NpgsqlConnection($"Host=127.0.0.1;Port={port};Username=postgres;Database=postgres;Pooling=false;SSL Mode=Disable;GSS Encryption Mode=Disable");
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        return Convert.ToString(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken), CultureInfo.InvariantCulture);
    }

    private static Task<string> RunAsUserAsync(string program, params string[] arguments) => RunAsync(AsUser(program, arguments));

    private static Task<string> RunAsync(string program, params string[] arguments) => RunAsync(new ProcessStartInfo(program, arguments));

    private static ProcessStartInfo AsUser(string program, params string[] arguments) => Environment.UserName == "root"
        ? new ProcessStartInfo("setpriv", ["--reuid=postgres", "--regid=postgres", "--init-groups", program, .. arguments])
        : new ProcessStartInfo(program, arguments);

    private static async Task<string> RunAsync(ProcessStartInfo start)
    {
        // A server that pg_ctl starts keeps the pipes it inherits open: its output goes to a file, and pg_ctl's own is read only when it failed.
        start.WorkingDirectory = "/";
        start.RedirectStandardError = start.RedirectStandardOutput = !start.ArgumentList.Contains("start");
        using var process = Process.Start(start)!;
        var output = start.RedirectStandardOutput ? process.StandardOutput.ReadToEndAsync() : Task.FromResult("");
        var error = start.RedirectStandardError ? process.StandardError.ReadToEndAsync() : Task.FromResult("");
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, $"{start.FileName} {string.Join(' ', start.ArgumentList)}: exit {process.ExitCode} {await output} {await error}");
        return await output;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
