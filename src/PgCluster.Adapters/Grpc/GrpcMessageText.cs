using System.Globalization;
using System.Text;

namespace PgCluster.Adapters.Grpc;

/// <summary>The <c>grpc-message</c> trailer: UTF-8 with everything but printable ASCII percent-encoded.</summary>
internal static class GrpcMessageText
{
    private const string Hex = "0123456789ABCDEF";

    /// <summary>Writes a status message as a header value.</summary>
    internal static string Encode(string text)
    {
        var encoded = new StringBuilder(text.Length);
        foreach (byte b in Encoding.UTF8.GetBytes(text))
        {
            if (b is >= 0x20 and <= 0x7E and not (byte)'%')
            {
                encoded.Append((char)b);
            }
            else
            {
                encoded.Append('%').Append(Hex[b >> 4]).Append(Hex[b & 0xF]);
            }
        }

        return encoded.ToString();
    }

    /// <summary>Reads a header value; a percent sign that starts no encoded byte stays as it is, because half a message beats none.</summary>
    internal static string Decode(string value)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetMaxByteCount(value.Length)];
        int length = 0;
        for (int i = 0; i < value.Length; i++)
        {
            char c = value[i];
            if (c == '%' && i + 2 < value.Length
                && byte.TryParse(value.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte b))
            {
                bytes[length++] = b;
                i += 2;
            }
            else if (c <= 0xFF)
            {
                // HTTP headers arrive as Latin-1, so a peer that did not encode its UTF-8 is still read rightly.
                bytes[length++] = (byte)c;
            }
            else
            {
                length += Encoding.UTF8.GetBytes(value.AsSpan(i, 1), bytes.AsSpan(length));
            }
        }

        return Encoding.UTF8.GetString(bytes, 0, length);
    }
}
