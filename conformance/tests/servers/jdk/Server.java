import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;

import javax.imageio.ImageIO;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;

/** A small image variations server: POST /v1/images/variations. */
public class Server {
    private static final int MAX_IMAGE_BYTES = 4 * 1024 * 1024;
    private static final long URL_LIFETIME_MS = 60 * 60 * 1000L;
    private static final List<String> SIZES = Arrays.asList("256x256", "512x512", "1024x1024");

    private static final Map<String, StoredImage> store = new ConcurrentHashMap<>();
    private static String apiKey;
    private static int port;

    /** An image kept for the links we hand out. */
    static class StoredImage {
        final byte[] png;
        final long expires;

        StoredImage(byte[] png, long expires) {
            this.png = png;
            this.expires = expires;
        }
    }

    /** One part of a multipart/form-data body. */
    static class Part {
        String name;
        String filename;
        byte[] data;

        String text() {
            return new String(data, StandardCharsets.UTF_8);
        }
    }

    /** An error that is shown to the client. */
    static class ApiException extends Exception {
        final int status;
        final String type;
        final String param;
        final String code;

        ApiException(int status, String message, String type, String param, String code) {
            super(message);
            this.status = status;
            this.type = type;
            this.param = param;
            this.code = code;
        }

        static ApiException invalid(String message, String param) {
            return new ApiException(400, message, "invalid_request_error", param, null);
        }
    }

    public static void main(String[] args) throws IOException {
        System.setProperty("java.awt.headless", "true");
        ImageIO.setUseCache(false);
        port = System.getenv("PORT") != null ? Integer.parseInt(System.getenv("PORT")) : 8080;
        for (int i = 0; i < args.length - 1; i++) {
            if (args[i].equals("--port")) {
                port = Integer.parseInt(args[i + 1]);
            }
        }
        apiKey = System.getenv("API_KEY");
        if (apiKey == null || apiKey.isEmpty()) {
            System.err.println("API_KEY is not set");
            System.exit(1);
        }

        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), port), 0);
        server.createContext("/v1/images/variations", Server::handleVariations);
        server.createContext("/files/", Server::handleFile);
        server.createContext("/", ex -> sendError(ex, new ApiException(404,
                "Invalid URL (" + ex.getRequestMethod() + " " + ex.getRequestURI().getPath() + ")",
                "invalid_request_error", null, "not_found")));
        server.setExecutor(Executors.newFixedThreadPool(8));
        server.start();
        System.out.println("Listening on http://127.0.0.1:" + port);
    }

    // ---------------------------------------------------------------- handlers

    private static void handleVariations(HttpExchange ex) throws IOException {
        try {
            if (!ex.getRequestMethod().equals("POST")) {
                ex.getResponseHeaders().set("Allow", "POST");
                throw new ApiException(405, "Method not allowed: " + ex.getRequestMethod(),
                        "invalid_request_error", null, "method_not_allowed");
            }
            checkAuth(ex);
            String json = createVariations(ex);
            send(ex, 200, "application/json", json.getBytes(StandardCharsets.UTF_8));
        } catch (ApiException e) {
            sendError(ex, e);
        } catch (Exception e) {
            e.printStackTrace();
            sendError(ex, new ApiException(500, "The server had an error while processing your request",
                    "server_error", null, null));
        }
    }

    private static void handleFile(HttpExchange ex) throws IOException {
        if (!ex.getRequestMethod().equals("GET")) {
            ex.getResponseHeaders().set("Allow", "GET");
            sendError(ex, new ApiException(405, "Method not allowed", "invalid_request_error", null, null));
            return;
        }
        String path = ex.getRequestURI().getPath();
        StoredImage image = store.get(path.substring("/files/".length()));
        if (image == null || image.expires < System.currentTimeMillis()) {
            sendError(ex, new ApiException(404, "File not found or expired", "invalid_request_error", null, "not_found"));
            return;
        }
        send(ex, 200, "image/png", image.png);
    }

    private static void checkAuth(HttpExchange ex) throws ApiException {
        String header = ex.getRequestHeaders().getFirst("Authorization");
        if (header == null || !header.startsWith("Bearer ")) {
            throw new ApiException(401, "You didn't provide an API key. Use an Authorization header: Bearer YOUR_KEY",
                    "invalid_request_error", null, null);
        }
        if (!header.substring("Bearer ".length()).equals(apiKey)) {
            throw new ApiException(401, "Incorrect API key provided", "invalid_request_error", null, "invalid_api_key");
        }
    }

    private static String createVariations(HttpExchange ex) throws ApiException, IOException {
        String contentType = ex.getRequestHeaders().getFirst("Content-Type");
        if (contentType == null || !contentType.startsWith("multipart/form-data")) {
            throw ApiException.invalid("Content-Type must be multipart/form-data", null);
        }
        int pos = contentType.indexOf("boundary=");
        if (pos < 0) {
            throw ApiException.invalid("No boundary in Content-Type", null);
        }
        String boundary = contentType.substring(pos + "boundary=".length());
        byte[] body = ex.getRequestBody().readAllBytes();
        Map<String, Part> form = parseMultipart(body, boundary);

        String model = field(form, "model", "dall-e-2");
        if (!model.equals("dall-e-2")) {
            throw ApiException.invalid("Only dall-e-2 is supported, got '" + model + "'", "model");
        }
        int n;
        try {
            n = Integer.parseInt(field(form, "n", "1"));
        } catch (NumberFormatException e) {
            throw ApiException.invalid("n must be an integer", "n");
        }
        if (n < 1 || n > 10) {
            throw ApiException.invalid("n must be between 1 and 10", "n");
        }
        String size = field(form, "size", "1024x1024");
        if (!SIZES.contains(size)) {
            throw ApiException.invalid("size must be one of " + SIZES, "size");
        }
        String format = field(form, "response_format", "url");
        if (!format.equals("url") && !format.equals("b64_json")) {
            throw ApiException.invalid("response_format must be one of url or b64_json", "response_format");
        }
        BufferedImage input = readImage(form.get("image"));

        int side = Integer.parseInt(size.substring(0, size.indexOf('x')));
        BufferedImage scaled = scale(input, side);
        long now = System.currentTimeMillis();
        store.values().removeIf(s -> s.expires < now);
        StringBuilder data = new StringBuilder();
        for (int i = 0; i < n; i++) {
            byte[] png = toPng(vary(scaled, i));
            if (i > 0) {
                data.append(",");
            }
            if (format.equals("b64_json")) {
                data.append("{\"b64_json\":\"").append(Base64.getEncoder().encodeToString(png)).append("\"}");
            } else {
                String id = UUID.randomUUID() + ".png";
                store.put(id, new StoredImage(png, now + URL_LIFETIME_MS));
                String host = ex.getRequestHeaders().getFirst("Host");
                if (host == null) {
                    host = "127.0.0.1:" + port;
                }
                data.append("{\"url\":\"http://").append(host).append("/files/").append(id).append("\"}");
            }
        }
        return "{\"created\":" + now / 1000 + ",\"data\":[" + data + "]}";
    }

    // --------------------------------------------------------------- multipart

    private static String field(Map<String, Part> form, String name, String defaultValue) {
        Part part = form.get(name);
        return part == null || part.data.length == 0 ? defaultValue : part.text();
    }

    /** Splits the body at the boundary; ISO-8859-1 keeps every byte as one char. */
    private static Map<String, Part> parseMultipart(byte[] body, String boundary) {
        Map<String, Part> parts = new HashMap<>();
        String text = new String(body, StandardCharsets.ISO_8859_1);
        String delimiter = "--" + boundary;
        int start = text.indexOf(delimiter);
        while (start >= 0) {
            start += delimiter.length();
            if (text.startsWith("--", start)) {
                break;
            }
            int end = text.indexOf("\r\n" + delimiter, start);
            if (end < 0) {
                break;
            }
            int headerEnd = text.indexOf("\r\n\r\n", start);
            String headers = text.substring(start + 2, headerEnd);
            Part part = new Part();
            part.data = text.substring(headerEnd + 4, end).getBytes(StandardCharsets.ISO_8859_1);
            for (String line : headers.split("\r\n")) {
                if (line.toLowerCase().startsWith("content-disposition:")) {
                    part.name = parameter(line, "name");
                    part.filename = parameter(line, "filename");
                }
            }
            if (part.name != null) {
                parts.put(part.name, part);
            }
            start = end + 2;
        }
        return parts;
    }

    private static String parameter(String header, String name) {
        for (String piece : header.split(";")) {
            String p = piece.trim();
            if (p.startsWith(name + "=")) {
                return p.substring(name.length() + 1).replace("\"", "");
            }
        }
        return null;
    }

    // ------------------------------------------------------------------ images

    private static BufferedImage readImage(Part part) throws ApiException {
        if (part == null) {
            throw ApiException.invalid("'image' is a required property", "image");
        }
        if (part.data.length >= MAX_IMAGE_BYTES) {
            throw ApiException.invalid("Uploaded image must be a PNG and less than 4 MB.", "image");
        }
        byte[] d = part.data;
        if (d.length < 8 || (d[0] & 0xff) != 0x89 || d[1] != 'P' || d[2] != 'N' || d[3] != 'G') {
            throw ApiException.invalid("Uploaded image must be a PNG and less than 4 MB.", "image");
        }
        BufferedImage image;
        try {
            image = ImageIO.read(new ByteArrayInputStream(d));
        } catch (IOException e) {
            throw ApiException.invalid("Invalid PNG file: " + e.getMessage(), "image");
        }
        if (image == null) {
            throw ApiException.invalid("Invalid PNG file", "image");
        }
        if (image.getWidth() != image.getHeight()) {
            throw ApiException.invalid("Uploaded image must be square.", "image");
        }
        return image;
    }

    private static BufferedImage scale(BufferedImage input, int side) {
        BufferedImage out = new BufferedImage(side, side, BufferedImage.TYPE_INT_ARGB);
        Graphics2D g = out.createGraphics();
        g.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BILINEAR);
        g.drawImage(input, 0, 0, side, side, null);
        g.dispose();
        return out;
    }

    /** Every variation has another tint; every second one is mirrored too. */
    private static BufferedImage vary(BufferedImage in, int index) {
        int side = in.getWidth();
        BufferedImage out = new BufferedImage(side, side, BufferedImage.TYPE_INT_ARGB);
        int[] row = new int[side];
        int[] target = new int[side];
        double red = 1.0 - 0.04 * (index + 1);
        int blue = 8 * (index + 1);
        for (int y = 0; y < side; y++) {
            in.getRGB(0, y, side, 1, row, 0, side);
            for (int x = 0; x < side; x++) {
                int p = row[x];
                int r = (int) (((p >> 16) & 0xff) * red);
                int b = Math.min(255, (p & 0xff) + blue);
                target[index % 2 == 0 ? side - 1 - x : x] = (p & 0xff00ff00) | (r << 16) | b;
            }
            out.setRGB(0, y, side, 1, target, 0, side);
        }
        return out;
    }

    private static byte[] toPng(BufferedImage image) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ImageIO.write(image, "png", out);
        return out.toByteArray();
    }

    // --------------------------------------------------------------- responses

    private static void send(HttpExchange ex, int status, String type, byte[] body) throws IOException {
        ex.getResponseHeaders().set("Content-Type", type);
        ex.sendResponseHeaders(status, body.length);
        try (OutputStream os = ex.getResponseBody()) {
            os.write(body);
        }
    }

    private static void sendError(HttpExchange ex, ApiException e) throws IOException {
        String json = "{\"error\":{\"message\":" + quote(e.getMessage()) + ",\"type\":" + quote(e.type)
                + ",\"param\":" + quote(e.param) + ",\"code\":" + quote(e.code) + "}}";
        send(ex, e.status, "application/json", json.getBytes(StandardCharsets.UTF_8));
    }

    private static String quote(String s) {
        if (s == null) {
            return "null";
        }
        return "\"" + s.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
    }
}
