namespace PgCluster.Tests.Unit.Architecture;

/// <summary>A project of src/ and what it may use: the table "Rooms" of docs/architecture.md.</summary>
/// <param name="Project">Name of the project and of its folder.</param>
/// <param name="Assembly">Name of its assembly.</param>
/// <param name="Rooms">The rooms it may enter.</param>
/// <param name="Packages">The packages it may have at run time.</param>
/// <param name="BuildPackages">The packages it may have while it is built only.</param>
/// <param name="Frameworks">The shared frameworks it may use beside the base class library.</param>
/// <param name="ForbiddenTypes">What it must not touch of the base class library: types, members, or namespaces when they end with a dot.</param>
sealed record Room(
    string Project, string Assembly, string[] Rooms, string[] Packages, string[] BuildPackages, string[] Frameworks, string[] ForbiddenTypes)
{
    const string Model = "PgCluster.Model";
    const string Engine = "PgCluster.Engine";
    const string Adapters = "PgCluster.Adapters";
    const string Client = "PgCluster.Client";
    const string Handoff = "PgCluster.Handoff";
    const string Playground = "PgCluster.Playground";

    /// <summary>The outside world: whoever decides must not touch it.</summary>
    static readonly string[] Outside =
    [
        "System.IO.File", "System.IO.Directory", "System.IO.FileInfo", "System.IO.DirectoryInfo", "System.IO.FileStream", "System.IO.FileSystemWatcher",
        "System.Diagnostics.Process", "System.Console", "System.Environment.GetEnvironmentVariable", "System.Environment.get_MachineName", "System.Environment.get_UserName",
        "System.Net.Sockets.Socket", "System.Net.Sockets.TcpClient", "System.Net.Sockets.TcpListener", "System.Net.Sockets.UdpClient", "System.Net.Sockets.NetworkStream", "System.Net.Http.", "System.Net.Dns", "System.Net.Security.",
        "System.Threading.Timer", "System.Random",
    ];

    public static IReadOnlyList<Room> All { get; } =
    [
        new(Model, Model, [], [], [], [], Outside),
        new(Engine, Engine, [Model], ["Microsoft.Extensions.Logging.Abstractions"], [], [], Outside),
        new(Adapters, Adapters, [Model, Engine], ["Npgsql", "Google.Protobuf"], ["Grpc.Tools"], [], ["System.Console"]),
        new(Client, Client, [Model, Engine, Adapters], [], [], [], ["System.Console"]),
        new("PgCluster.Switchover", "PgCluster.Switchover", [Model, Engine, Adapters], ["Npgsql"], [], [], ["System.Console"]),
        new(Handoff, Handoff, [], ["Microsoft.Extensions.Logging.Abstractions"], [], [], ["System.Console"]),
        new(Playground, Playground, [Model, Engine, Adapters, Client], [], [], [], ["System.Console"]),
        new("PgCluster.Agent", "pgcluster", [Model, Engine, Adapters, Client, Handoff, Playground], ["Spectre.Console", "System.CommandLine"], [], ["Microsoft.AspNetCore.App"], []),
        new("PgCluster.Cmdlets", "PgCluster.Cmdlets", [Model, Client, Playground], [], ["PowerShellStandard.Library"], [], ["System.Console"]),
    ];

    /// <summary>True for what PowerShell loads itself, beside the assemblies of every other module.</summary>
    public bool SharesPowerShellsContext => Project is Model or "PgCluster.Cmdlets";

    /// <summary>Assemblies of the packages and frameworks that somebody may use, and the package each belongs to: what is not here is the base class library.</summary>
    public static string? PackageOf(string assembly) => assembly switch
    {
        "Npgsql" or "Google.Protobuf" or "Spectre.Console" or "System.CommandLine" => assembly,
        "System.Management.Automation" => "PowerShellStandard.Library",
        "Microsoft.Extensions.Logging.Abstractions" => assembly,
        _ when assembly.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal) || assembly.StartsWith("Microsoft.Extensions", StringComparison.Ordinal) => "Microsoft.AspNetCore.App",
        _ => null,
    };
}
