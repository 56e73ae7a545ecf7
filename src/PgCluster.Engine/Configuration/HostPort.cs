using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace PgCluster.Engine.Configuration;

/// <summary>A host and a TCP port. The text form has an IPv6 address in brackets.</summary>
/// <param name="Host">Host name or address; an IPv6 address without brackets.</param>
/// <param name="Port">1 to 65535.</param>
public sealed record HostPort(string Host, int Port)
{
    /// <summary>Reads host:port.</summary>
    /// <param name="text">For example pg01:8432, 10.0.0.1:8432 or [::1]:8432.</param>
    /// <exception cref="PgClusterException">The text is no such address.</exception>
    public static HostPort Parse(string text) =>
        TryParse(text) ?? throw new PgClusterException(Reason.InvalidConfiguration, $"{TomlText.Quote(text)} is not host:port");

    /// <summary>Reads host:port; null when the text is no such address.</summary>
    /// <param name="text">For example pg01:8432, 10.0.0.1:8432 or [::1]:8432.</param>
    public static HostPort? TryParse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var colon = text.LastIndexOf(':');
        if (colon <= 0
            || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            || !IsPort(port))
        {
            return null;
        }

        var host = text[..colon];
        if (host is ['[', .. var inner, ']'])
        {
            return IsIPv6(inner) ? new(inner, port) : null;
        }

        // Without brackets nobody can tell where an IPv6 address ends and the port begins.
        return host.Contains(':', StringComparison.Ordinal) || !IsHost(host) ? null : new(host, port);
    }

    /// <summary>True for a host name, an IPv4 address, or an IPv6 address without brackets.</summary>
    /// <param name="text">The text to look at.</param>
    public static bool IsHost(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Contains(':', StringComparison.Ordinal))
        {
            return IsIPv6(text);
        }

        // All digits and dots is meant as an address: 10.0.0.256 is a slip, not a name.
        return text.All(c => char.IsAsciiDigit(c) || c == '.')
            ? text.Count(c => c == '.') == 3 && IPAddress.TryParse(text, out _)
            : text.Length <= 253 && text.Split('.').All(IsLabel);
    }

    /// <summary>True for a TCP port a server can listen on.</summary>
    /// <param name="port">The number to look at.</param>
    public static bool IsPort(long port) => port is >= 1 and <= 65535;

    /// <inheritdoc />
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{(Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host)}:{Port}");

    static bool IsIPv6(string text) =>
        !text.StartsWith('[') && IPAddress.TryParse(text, out var address) && address.AddressFamily == AddressFamily.InterNetworkV6;

    static bool IsLabel(string label) =>
        label.Length is >= 1 and <= 63
        && label[0] != '-' && label[^1] != '-'
        && label.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');
}
