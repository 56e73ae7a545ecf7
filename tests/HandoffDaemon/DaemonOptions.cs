using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace PgCluster.Tests.HandoffDaemon;

/// <summary>The command line.</summary>
sealed record DaemonOptions
{
    /// <summary>The coordination directory.</summary>
    public string Directory { get; init; } = "";

    public string Id { get; init; } = "";

    /// <summary>Where lines are echoed: ID=HOST:PORT or ID=/PATH; several.</summary>
    public IReadOnlyList<(string Id, EndPoint EndPoint)> Echo { get; init; } = [];

    /// <summary>Where HTTP/1.1 is spoken.</summary>
    public IReadOnlyList<(string Id, EndPoint EndPoint)> Http { get; init; } = [];

    /// <summary>Where HTTP/2 is spoken.</summary>
    public IReadOnlyList<(string Id, EndPoint EndPoint)> Http2 { get; init; } = [];

    /// <summary>The highest version of the protocol; null for what the library speaks.</summary>
    public uint? Protocol { get; init; }

    public string? ApplicationVersion { get; init; }

    /// <summary>The version of the state that it writes and reads; null to have none.</summary>
    public int? StateVersion { get; init; }

    /// <summary>Its state.</summary>
    public string State { get; init; } = "";

    /// <summary>The step at which it stops.</summary>
    public string? Hold { get; init; }

    /// <summary>Whether garbage is collected all the time.</summary>
    public bool CollectsGarbage { get; init; }

    /// <summary>Whether it is ready as soon as it serves.</summary>
    public bool IsReadyAtOnce { get; init; }

    public static DaemonOptions Parse(string[] arguments)
    {
        var options = new DaemonOptions();
        for (var i = 0; i < arguments.Length; i++)
        {
            options = arguments[i] switch
            {
                "--gc" => options with { CollectsGarbage = true },
                "--ready" => options with { IsReadyAtOnce = true },
                _ => options.With(arguments[i], arguments[++i]),
            };
        }

        return options;
    }

    DaemonOptions With(string name, string value) => name switch
    {
        "--dir" => this with { Directory = value },
        "--id" => this with { Id = value },
        "--echo" => this with { Echo = [.. Echo, Listener(value)] },
        "--http" => this with { Http = [.. Http, Listener(value)] },
        "--http2" => this with { Http2 = [.. Http2, Listener(value)] },
        "--protocol" => this with { Protocol = uint.Parse(value, CultureInfo.InvariantCulture) },
        "--version" => this with { ApplicationVersion = value },
        "--state-version" => this with { StateVersion = int.Parse(value, CultureInfo.InvariantCulture) },
        "--state" => this with { State = value },
        "--hold" => this with { Hold = value },
        _ => throw new ArgumentException($"unknown option {name}"),
    };

    static (string Id, EndPoint EndPoint) Listener(string value)
    {
        var (id, address) = (value[..value.IndexOf('=')], value[(value.IndexOf('=') + 1)..]);
        return (id, address.StartsWith('/') ? new UnixDomainSocketEndPoint(address) : IPEndPoint.Parse(address));
    }
}
