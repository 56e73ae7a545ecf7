using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using PgCluster.Adapters.Grpc;

namespace PgCluster.Agent.Grpc;

/// <summary>Binds gRPC to an address, under the rule that only loopback goes without certificates.</summary>
public static class GrpcListener
{
    private static readonly TimeSpan PingAfter = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan PingTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Listens for gRPC: plain-text HTTP/2 with prior knowledge, or with certificates mutual TLS, where a peer that shows no certificate of the CA
    /// does not get past the handshake.
    /// </summary>
    /// <param name="kestrel">The server.</param>
    /// <param name="host">An IP address or a name of this machine; empty or <c>*</c> for all addresses.</param>
    /// <param name="port">The port; 0 for a free one.</param>
    /// <param name="tls">The certificates; null only on loopback.</param>
    /// <param name="listener">Gives the socket that listens at an address, and keeps it until the server has stopped; null where the server makes its own.</param>
    /// <exception cref="PgClusterException">
    /// InvalidConfiguration: the host is unknown, a certificate file cannot be used, or the address is not loopback and there are no certificates.
    /// </exception>
    public static void ListenGrpc(this KestrelServerOptions kestrel, string host, int port, GrpcTlsOptions? tls, Func<IPEndPoint, Socket>? listener = null)
    {
        ArgumentNullException.ThrowIfNull(kestrel);
        var addresses = ResolveUnderRule(host, tls);
        ConfigureStreams(kestrel);
        Listen(kestrel, addresses, port, tls, HttpProtocols.Http2, listener);
    }

    /// <summary>Listens for gRPC in plain text on any address: for services that everybody may call who reaches it.</summary>
    /// <inheritdoc cref="ListenGrpc"/>
    public static void ListenPlainText(this KestrelServerOptions kestrel, string host, int port, Func<IPEndPoint, Socket>? listener = null)
    {
        ArgumentNullException.ThrowIfNull(kestrel);
        ConfigureStreams(kestrel);
        Listen(kestrel, Resolve(host), port, tls: null, HttpProtocols.Http2, listener);
    }

    /// <summary>Listens for health checks and metrics: HTTP/1.1, under the same rule.</summary>
    /// <inheritdoc cref="ListenGrpc"/>
    public static void ListenHttp(this KestrelServerOptions kestrel, string host, int port, GrpcTlsOptions? tls, Func<IPEndPoint, Socket>? listener = null)
    {
        ArgumentNullException.ThrowIfNull(kestrel);
        Listen(kestrel, ResolveUnderRule(host, tls), port, tls, HttpProtocols.Http1, listener);
    }

    private static void ConfigureStreams(KestrelServerOptions kestrel)
    {
        // Without pings a client whose host vanished keeps its streams open for ever; with a minimal rate a quiet stream would not live.
        kestrel.Limits.Http2.KeepAlivePingDelay = PingAfter;
        kestrel.Limits.Http2.KeepAlivePingTimeout = PingTimeout;
        kestrel.Limits.MinResponseDataRate = null;
    }

    private static IPAddress[] ResolveUnderRule(string host, GrpcTlsOptions? tls)
    {
        var addresses = Resolve(host);
        return tls is not null || Array.TrueForAll(addresses, IPAddress.IsLoopback)
            ? addresses
            : throw new PgClusterException(
                Reason.InvalidConfiguration,
                $"the agent cannot listen on '{host}' without TLS: whoever reaches that address could command this node. "
                + "Configure CA, certificate and key, or listen on 127.0.0.1.")
            {
                Target = host,
            };
    }

    private static void Listen(KestrelServerOptions kestrel, IPAddress[] addresses, int port, GrpcTlsOptions? tls, HttpProtocols protocols, Func<IPEndPoint, Socket>? listener)
    {
        SslServerAuthenticationOptions? ssl = tls is null ? null : GrpcCertificates.ForServer(tls);
        // A free port is free on one address: two of them would be two ports.
        foreach (IPAddress address in port == 0 ? addresses[..1] : addresses)
        {
            if (listener is null)
            {
                kestrel.Listen(address, port, Configure);
            }
            else
            {
                kestrel.ListenHandle((ulong)listener(new IPEndPoint(address, port)).SafeHandle.DangerousGetHandle(), Configure);
            }
        }

        void Configure(ListenOptions listen)
        {
            listen.Protocols = protocols;
            if (ssl is not null)
            {
                listen.UseHttps(new TlsHandshakeCallbackOptions
                {
                    HandshakeTimeout = HandshakeTimeout,
                    OnConnection = _ => ValueTask.FromResult(ssl),
                });
            }
        }
    }

    private static IPAddress[] Resolve(string host)
    {
        ArgumentNullException.ThrowIfNull(host);
        if (host is "" or "*")
        {
            return [Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any];
        }

        if (IPAddress.TryParse(host, out IPAddress? literal))
        {
            return [literal];
        }

        try
        {
            return Dns.GetHostAddresses(host) is [_, ..] addresses ? [.. addresses.Distinct()] : throw Unknown(host, null);
        }
        catch (SocketException e)
        {
            throw Unknown(host, e);
        }
    }

    private static PgClusterException Unknown(string host, Exception? inner) =>
        new(Reason.InvalidConfiguration, $"the agent cannot listen on '{host}': no address is known by that name.", inner) { Target = host };
}
