using System.Diagnostics;
using System.Text.Json.Nodes;
using PgCluster.Adapters.Grpc;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Grpc;

/// <summary>Installs @grpc/grpc-js once, and starts ends of connections that speak it.</summary>
public sealed class GrpcJs : IAsyncLifetime
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "grpc-js");

    private string? _missing;
    private GrpcJsProcess? _server;
    private GrpcJsProcess? _client;

    /// <summary>A server that every test may use.</summary>
    internal Uri Server => new($"http://127.0.0.1:{_server!.Port}");

    public async ValueTask InitializeAsync()
    {
        _missing = await NpmFolder.InstallAsync(Folder, "there is no @grpc/grpc-js to prove the wire against");
        if (_missing is null)
        {
            _server = await StartServerAsync(null);
            _client = StartClient();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (GrpcJsProcess? process in new[] { _server, _client })
        {
            if (process is not null)
            {
                await process.DisposeAsync();
            }
        }
    }

    /// <summary>Skips the test that calls it, with the reason, where there is no other end to be had.</summary>
    internal void Require()
    {
        if (_missing is not null)
        {
            Assert.Skip(_missing);
        }
    }

    internal static async Task<GrpcJsProcess> StartServerAsync(GrpcTlsOptions? tls)
    {
        var process = new GrpcJsProcess(Folder, "server", new JsonObject { ["tls"] = Files(tls) });
        JsonNode ready = await process.ReadAsync();
        process.Port = (int)ready["port"]!;
        return process;
    }

    internal static GrpcJsProcess StartClient() => new(Folder, "client", null);

    /// <summary>Runs one scenario of a client to its end and returns what the client saw.</summary>
    internal async Task<JsonNode> RunClientAsync(string address, string scenario, JsonObject? more = null, GrpcTlsOptions? tls = null)
    {
        JsonObject options = more ?? [];
        options["address"] = address;
        options["scenario"] = scenario;
        options["tls"] = Files(tls);
        return await _client!.AskAsync(options);
    }

    private static JsonObject? Files(GrpcTlsOptions? tls) =>
        tls is null ? null : new JsonObject { ["ca"] = tls.CaFile, ["cert"] = tls.CertFile, ["key"] = tls.KeyFile };
}

/// <summary>One process that speaks grpc-js; disposing it kills it.</summary>
internal sealed class GrpcJsProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task<string> _errors;

    internal GrpcJsProcess(string folder, string role, JsonObject? options)
    {
        _process = Process.Start(new ProcessStartInfo("node")
        {
            ArgumentList = { "peer.js", role, options?.ToJsonString() ?? "" },
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _errors = _process.StandardError.ReadToEndAsync();
    }

    internal int Port { get; set; }

    internal int Id => _process.Id;

    /// <summary>Gives a client a scenario, and reads the first it has to say.</summary>
    internal async Task<JsonNode> AskAsync(JsonObject options)
    {
        await _process.StandardInput.WriteLineAsync(options.ToJsonString());
        await _process.StandardInput.FlushAsync();
        return await ReadAsync();
    }

    /// <summary>The next line the process prints.</summary>
    internal async Task<JsonNode> ReadAsync()
    {
        string? line = await _process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask()
            .WaitAsync(Wait.Budget, TestContext.Current.CancellationToken);
        return line is null ? throw new InvalidOperationException("grpc-js ended: " + await _errors) : JsonNode.Parse(line)!;
    }

    /// <summary>Kills it with SIGKILL.</summary>
    internal void Kill() => _process.Kill();

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}

/// <summary>Tests that need grpc-js share its installation and server.</summary>
[CollectionDefinition(Name)]
public sealed class GrpcJsTests : ICollectionFixture<GrpcJs>
{
    public const string Name = "grpc-js";
}
