using System.Globalization;
using Npgsql;
using PgCluster.Adapters.PgBouncer;
using PgCluster.Adapters.Process;

namespace PgCluster.Tests.Integration.Fixtures;

/// <summary>A real PgBouncer in front of a <see cref="PostgresInstance"/>.</summary>
internal sealed class PgBouncerServer : IAsyncDisposable
{
    public const string Admin = "admin";
    public const string Password = "correct horse, battery";

    private readonly ServerProcess _server;

    private string _program = "pgbouncer";
    private string _more = "";
    private bool _daemon;

    private PgBouncerServer(ServerProcess server) => _server = server;

    public int Port { get; private set; }

    public string ConfigFile => Path.Combine(_server.DirectoryPath, "pgbouncer.ini");

    public string TemplateFile => Path.Combine(_server.DirectoryPath, "pgbouncer.ini.template");

    public string DirectoryPath => _server.DirectoryPath;

    /// <summary>The process that serves now, which may not be the one that was started; 0 for none.</summary>
    public int Pid => SocketOwners.FindListening(Socket.ToString()) is { } listening ? SocketOwners.Find(listening) : 0;

    public PgBouncerAddress Tcp => new(PostgresInstance.FirstHost, Port);

    public PgBouncerAddress Socket => new(_server.DirectoryPath, Port);

    /// <summary>Starts one and returns when its console answers.</summary>
    /// <param name="postgres">Where its databases lead.</param>
    /// <param name="poolMode">pool_mode.</param>
    /// <param name="authType">auth_type.</param>
    /// <param name="databases">The section of databases; {0} is the port of PostgreSQL.</param>
    /// <param name="more">More settings; {0} is its directory.</param>
    /// <param name="daemon">Whether it goes to the background.</param>
    /// <param name="before">Gets its directory before it is started; null for nothing.</param>
    /// <param name="copy">Whether it runs from a copy of its program in its directory.</param>
    public static async Task<PgBouncerServer> StartAsync(
        PostgresInstance postgres,
        string poolMode = "transaction",
        string authType = "trust",
        string databases = "app = host=127.0.0.1 port={0} dbname=postgres",
        string more = "",
        bool copy = false,
        bool daemon = false,
        Func<string, Task>? before = null)
    {
        var bouncer = new PgBouncerServer(await ServerProcess.CreateAsync("pgbouncer"));
        bouncer._daemon = daemon;
        bouncer._more = string.Format(CultureInfo.InvariantCulture, more, bouncer._server.DirectoryPath);
        await (before?.Invoke(bouncer._server.DirectoryPath) ?? Task.CompletedTask);
        if (copy)
        {
            bouncer._program = Path.Combine(bouncer._server.DirectoryPath, "pgbouncer");
            File.Copy("/usr/sbin/pgbouncer", bouncer._program);
        }

        await File.WriteAllTextAsync(
            Path.Combine(bouncer._server.DirectoryPath, "users"),
            $"\"{Admin}\" \"{Password}\"\n\"stats\" \"{Password}\"\n\"postgres\" \"{Password}\"\n");
        bouncer.Port = ServerProcess.FreePort();
        await bouncer.WriteConfigAsync(string.Format(CultureInfo.InvariantCulture, databases, postgres.Port), poolMode, authType);
        await bouncer.StartAsync();
        return bouncer;
    }

    public async Task WriteConfigAsync(string databases, string poolMode = "transaction", string authType = "trust") =>
        await File.WriteAllTextAsync(ConfigFile, Config(databases, poolMode, authType));

    public string Config(string databases, string poolMode = "transaction", string authType = "trust") =>
        $"""
        [databases]
        {databases}

        [pgbouncer]
        listen_addr = {PostgresInstance.FirstHost}
        listen_port = {Port}
        unix_socket_dir = {_server.DirectoryPath}
        auth_type = {authType}
        auth_file = {_server.DirectoryPath}/users
        admin_users = {Admin}
        stats_users = stats
        pool_mode = {poolMode}
        max_client_conn = 200
        default_pool_size = 20
        server_login_retry = 0
        ignore_startup_parameters = extra_float_digits
        {_more}

        """;

    public async Task StartAsync()
    {
        await _server.GiveAwayAsync();
        _server.Start(_program, _daemon ? ["-d", ConfigFile] : [ConfigFile]);
        await ServerProcess.WaitAsync(
            "PgBouncer's console to answer",
            async () =>
            {
                Assert.False(_server.HasExited && !_daemon, await _server.ReadOutputAsync());
                try
                {
                    await using var console = Console();
                    await console.ShowDatabasesAsync(CancellationToken.None);
                    return true;
                }
                catch (PgClusterException)
                {
                    return false;
                }
            });
    }

    public Task StopAsync() => _server.StopAsync(NativeMethods.SigTerm);

    public PgBouncerConsole Console(bool socket = true) => new(socket ? Socket : Tcp, Admin, Password, TimeProvider.System);

    /// <summary>A console connection that is nobody's: what an operator with psql has.</summary>
    public Task<WireConnection> OpenRawAsync() => WireConnection.OpenAsync(Socket, Admin, Password, "pgbouncer", CancellationToken.None);

    /// <summary>Opens a client's connection.</summary>
    public async Task<NpgsqlConnection> OpenClientAsync(string database = "app")
    {
        var connection = new NpgsqlConnection(PostgresInstance.ConnectionString(Port, database) + ";Password=" + Password);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        return connection;
    }

    public Task WaitForLogAsync(string text) => ServerProcess.WaitAsync(
        $"'{text}' in PgBouncer's log", async () => (await _server.ReadOutputAsync()).Contains(text, StringComparison.Ordinal));

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        if (Pid is > 0 and var successor && ProcessIdentity.Find(successor) is { } process)
        {
            process.Signal(UnixSignal.Kill);
            await process.WaitForExitAsync(TimeProvider.System, CancellationToken.None);
        }

        await _server.DisposeAsync();
    }
}
