using System.Collections;
using System.Management.Automation;
using System.Text;
using PgCluster.Client;
using PgCluster.Cmdlets;
using PgCluster.Engine.Configuration;

namespace PgCluster.Commands;

/// <summary><c>New-PgClusterConfig</c>: a configuration as commented TOML, printed or written.</summary>
[Cmdlet(VerbsCommon.New, "PgClusterConfig", SupportsShouldProcess = true)]
[OutputType(typeof(string), typeof(FileInfo))]
public sealed class NewPgClusterConfigCommand : AsyncPgCmdlet
{
    private string? _path;

    /// <summary>The cluster's name.</summary>
    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    public string Name { get; set; } = "main";

    /// <summary>The PostgreSQL nodes, each name=host:port, name=host or just the name of its host.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[] Node { get; set; } = ["pg01", "pg02", "pg03"];

    /// <summary>The poolers, each name=host:port, name=host or just the name of its host; one beside each node when not given.</summary>
    [Parameter]
    [ValidateNotNull]
    [AllowEmptyCollection]
    public string[]? Pooler { get; set; }

    /// <summary>Client URLs of etcd.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[]? EtcdEndpoint { get; set; }

    /// <summary>Port of the agents' API, on each node.</summary>
    [Parameter]
    [ValidateRange(1, 65535)]
    public int AgentPort { get; set; } = NodeConfig.UsualAgentPort;

    /// <summary>Port of the agents' HTTP endpoints, on each node.</summary>
    [Parameter]
    [ValidateRange(1, 65535)]
    public int HttpPort { get; set; } = NodeConfig.UsualHttpPort;

    /// <summary>Other options, by their path.</summary>
    [Parameter]
    [ValidateNotNull]
    public Hashtable? Option { get; set; }

    /// <summary>File to write to; the text is returned when not given.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Path { get; set; }

    /// <summary>Overwrite the file when it is there.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void PrepareBegin() => _path = Path is null ? null : GetUnresolvedProviderPathFromPSPath(Path);

    /// <inheritdoc/>
    protected override async Task ProcessAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var toml = new ConfigurationDraft
        {
            Name = Name,
            Nodes = Node,
            Poolers = Pooler,
            EtcdEndpoints = EtcdEndpoint,
            AgentPort = AgentPort,
            HttpPort = HttpPort,
        }.Compose(OptionTable.Read(Option));
        if (_path is null)
        {
            await pipeline.WriteAsync(toml);
            return;
        }

        if (!(await pipeline.ShouldProcessAsync($"Write the configuration of cluster '{Name}' to {_path}", $"Write to {_path}?", "New-PgClusterConfig")).Yes)
        {
            return;
        }

        try
        {
            // Without -Force the file system decides that it is new: a look before would be stale when the file is opened.
            await using var file = new FileStream(_path, Force ? FileMode.Create : FileMode.CreateNew, FileAccess.Write);
            await file.WriteAsync(Encoding.UTF8.GetBytes(toml), cancellationToken);
        }
        catch (IOException e) when (!Force && File.Exists(_path))
        {
            throw ErrorTable.Own(ErrorTable.FileExists, $"{_path} is there already.", _path, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw ErrorTable.Own(ErrorTable.FileNotWritten, $"{_path} was not written: {e.Message}", _path, e);
        }

        await pipeline.WriteAsync(new FileInfo(_path));
    }
}
